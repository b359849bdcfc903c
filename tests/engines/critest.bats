#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2094 # scripts for inner shells; page_file reads another file
# critest, the validation suite of CRI implementations, with rung as the handler: the same tests pass as with runc. Left out are
# tests that need images from a registry (with nginx, ipcs, pgrep, or their own ls), and tests of containerd alone (images, pulls).

load helpers
load cri

setup_file() {
	"$RUNG_SOURCE/scripts/engine-tools.sh" critest
	start_worlds
}

# Replaces the check for leftovers: critest itself leaves some.
teardown() {
	:
}

@test "critest: the same tests pass and fail" {
	both <<-'CASE'
		cat >images.yaml <<-'YAML'
			defaultTestContainerImage: localhost/busybox:latest
			webServerTestImage: localhost/busybox:latest
			hostNetWebServerTestImage: localhost/busybox:latest
		YAML
		timeout 290 "$SOURCE/build/tools/critest" -runtime-endpoint unix:///run/containerd/containerd.sock \
			-image-endpoint unix:///run/containerd/containerd.sock -runtime-handler rung -test-images-file images.yaml --ginkgo.no-color \
			--ginkgo.skip 'pull|AppArmor|image|UserNamespaces|SupplementalGroups|RunAsUserName|NoNewPrivs|SELinux|benchmark|portforward|port mapping|Host(Network|PID|Ipc)|PodPID|ContainerPID|execSync with timeout|MaskedPaths' \
			--ginkgo.json-report=report.json >log 2>&1
		jq -r '.[0].SpecReports[] | select(.State != "skipped" and .LeafNodeType == "It") | "\(.State): \(.ContainerHierarchyTexts | join(" ")) \(.LeafNodeText)"' report.json | sort
		jq -r '[.[0].SpecReports[] | select(.LeafNodeType == "It") | .State] | "passed \(map(select(. == "passed")) | length)"' report.json
	CASE
	[ "$(sed -n 's/^passed //p' <<<"$output")" -gt 40 ] || fail "$output"
}
