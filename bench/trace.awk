# Makes a table from what `rung --trace run` wrote, many runs one after the other: what the stage does between clone3 and execve, and
# where it waits for rung. Operations of one name count together. Each line of input has, after "trace:",
#
#	TIME us +DURATION SEGMENT/INDEX NAME ARGUMENT...
#
#	-v view=v2 -v most=12		the view, for the first column; how many rows for operations

function end_of_run(key) {
	if (!in_run)
		return
	runs++
	for (key in sums)
		durations[key, ++counts[key]] = sums[key]
	for (key in sums)
		delete sums[key]
	in_run = 0
}

function median(key, list, i, j, held, count) {
	count = counts[key]
	for (i = 1; i <= runs; i++) { # a run without the operation counts as 0
		held = i <= count ? durations[key, i] : 0
		for (j = i - 1; j > 0 && list[j] > held; j--)
			list[j + 1] = list[j]
		list[j + 1] = held
	}
	return list[int((runs + 1) / 2)]
}

/trace: / {
	sub(/^.*trace: */, "")
	split($0, word, " +")
	if (word[4] == "0/0")
		end_of_run()
	in_run = 1
	if (word[5] == "CLONE")
		start = word[1]
	key = word[5]
	if (key == "SYNC")
		key = "wait: " (word[6] ~ /^@/ ? word[7] : word[6])
	if (key == "EXEC")
		sums["all"] = word[1] - start
	else
		sums[key] += substr(word[3], 2)
}

END {
	end_of_run()
	for (key in counts)
		medians[key] = median(key)
	printf "| %s | all, from clone3 to execve | %d |\n", view, medians["all"]
	for (i = 0; i < most; i++) {
		best = ""
		for (key in medians)
			if (key != "all" && (best == "" || medians[key] > medians[best]))
				best = key
		if (best == "" || medians[best] == 0)
			break
		printf "| %s | %s | %d |\n", view, best, medians[best]
		delete medians[best]
	}
}
