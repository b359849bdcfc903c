# Makes tables and ratios from the samples of bench/view.sh. A line of input is
#
#	VIEW HOST COUNT WORK NAME WALL CPU FAULTS
#
# with times in microseconds for each container. All samples with the same first four fields are one row. The n-th samples of two
# runtimes in a row are of the same round: a ratio is the median of the ratios of the rounds, so that a busy moment, which slows
# all of them, does not count twice.
#
#	-v what=table -v columns="rung crun" [-v works=REGEX] [-v hosts=REGEX] [-v counts=REGEX]	the rows of a table in Markdown
#	-v what=ratio -v row="v2 plain 1 run" -v over=rung -v under=crun [-v field=cpu]	a ratio
#	-v what=median -v row="v2 plain 1 version" -v over=rung [-v field=faults]	a median
#
# A field is wall (default), cpu or faults. A ratio or median of what was not measured is "-".

{
	row_of = $1 " " $2 " " $3 " " $4
	if (!(row_of in seen)) {
		seen[row_of] = 1
		rows[++row_count] = row_of
	}
	n = ++samples[row_of, $5]
	value[row_of, $5, "wall", n] = $6
	value[row_of, $5, "cpu", n] = $7
	value[row_of, $5, "faults", n] = $8
}

function sort(list, count, i, j, held) {
	for (i = 2; i <= count; i++) {
		held = list[i]
		for (j = i - 1; j > 0 && list[j] > held; j--)
			list[j + 1] = list[j]
		list[j + 1] = held
	}
}

function quantile(list, count, q) {
	return list[int((count - 1) * q) + 1]
}

# Fills the sorted list of a runtime's values and returns their number.
function values(r, name, field, list, i) {
	for (i = 1; i <= samples[r, name]; i++)
		list[i] = value[r, name, field, i] + 0
	sort(list, samples[r, name])
	return samples[r, name] + 0
}

# The same for the ratios of two runtimes, round by round.
function ratios(r, over, under, field, list, count, i) {
	count = samples[r, over] < samples[r, under] ? samples[r, over] : samples[r, under]
	for (i = 1; i <= count; i++)
		list[i] = value[r, over, field, i] / value[r, under, field, i]
	sort(list, count + 0)
	return count + 0
}

function cell(list, count, format, scale) {
	if (count == 0)
		return "-"
	return sprintf(format " (" format " to " format ")", quantile(list, count, 0.5) / scale,
		quantile(list, count, 0.25) / scale, quantile(list, count, 0.75) / scale)
}

function print_row(r, field, words, names, count, i, list, line) {
	split(r, words, " ")
	line = "| " words[1] " | " words[4] (words[2] == "plain" ? "" : ", " words[2]) (words[3] == 1 ? "" : ", " words[3] " at once") \
		" | " (field == "cpu" ? "CPU" : "wall") " |"
	count = split(columns, names, " ")
	for (i = 1; i <= count; i++)
		line = line " " cell(list, values(r, names[i], field, list), "%.2f", 1000) " |"
	print line " " cell(list, ratios(r, "rung", "crun", field, list), "%.2f", 1) " |"
}

END {
	if (field == "")
		field = "wall"
	if (what == "ratio") {
		count = ratios(row, over, under, field, list)
		print count ? sprintf("%.2f", quantile(list, count, 0.5)) : "-"
	} else if (what == "median") {
		count = values(row, over, field, list)
		print count ? quantile(list, count, 0.5) : "-"
	} else {
		for (i = 1; i <= row_count; i++) {
			split(rows[i], words, " ")
			if (words[4] ~ "^(" works ")$" && words[2] ~ "^(" hosts ")$" && words[3] ~ "^(" counts ")$") {
				print_row(rows[i], "wall")
				print_row(rows[i], "cpu")
			}
		}
	}
}
