#!/usr/bin/env bash
# Makes a site of the pages: README.md and its neighbours, docs and man, as HTML that needs no network and no script.
#
#   docs.sh [DIR]        (DIR: build/docs; its first page is docs/index.html)
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

site=$(realpath -m "${1:-$repo/build/docs}")
cd "$repo"

# Prints a page of the site around the body on standard input.
page() { # TITLE PATH-TO-THE-TOP
	cat <<-END
		<!DOCTYPE html>
		<html lang="en">
		<head>
		<meta charset="utf-8">
		<meta name="viewport" content="width=device-width">
		<title>$1</title>
		<link rel="stylesheet" href="$2style.css">
		</head>
		<body>
		<nav><a href="$2docs/index.html">rung</a> · <a href="$2docs/first-container.html">First container</a> ·
		<a href="$2docs/troubleshooting.html">Troubleshooting</a> · <a href="$2docs/hosts.html">Hosts</a> · <a href="$2man/rung.8.html">Manual</a></nav>
		<main>
	END
	cat
	printf '</main>\n</body>\n</html>\n'
}

# Gives headings the ids that links of the pages use, and leads links to the pages of the site.
linked() {
	awk '/^<h[1-6]>/ { text = tolower($0); gsub(/<[^>]*>/, "", text); gsub(/&[a-z]+;/, "", text); gsub(/[^a-z0-9 _-]/, "", text); gsub(/ /, "-", text)
			sub(/^<h[1-6]/, "& id=\"" text "\"") } { print }' |
		sed -E 's|href="([^":#]*\.(md\|8))(#[^"]*)?"|href="\1.html\3"|g; s|\.md\.html|.html|g'
}

top_of() { # FILE
	sed 's|[^/]*$||; s|[^/]*/|../|g' <<<"$1"
}

escaped() {
	sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g'
}

rm -rf "$site"
mkdir -p "$site"
cat >"$site/style.css" <<'END'
body { font: 16px/1.5 sans-serif; color: #222; background: #fff; margin: 0 }
nav { background: #eee; padding: 0.5em 1em }
main { max-width: 60em; margin: 0 auto; padding: 0 1em 3em }
a { color: #0645ad }
pre { background: #f4f4f4; padding: 0.7em; overflow-x: auto }
code { font-size: 90%; background: #f4f4f4; overflow-wrap: anywhere }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { border: 1px solid #ccc; padding: 0.2em 0.5em; text-align: left; vertical-align: top }
@media (prefers-color-scheme: dark) {
	body { color: #ddd; background: #181818 }
	nav, pre, code { background: #262626 }
	a { color: #8ab4f8 }
}
END
while IFS= read -r file; do
	mkdir -p "$site/$(dirname "$file")"
	case $file in
	*.md)
		title=$(sed -n '/^# /{s/^# //; s/`//g; p; q}' "$file" | escaped)
		cmark-gfm --extension table --extension autolink "$file" | linked | page "$title" "$(top_of "$file")" >"$site/${file%.md}.html"
		;;
	man/*)
		{
			echo '<pre>'
			MANWIDTH=100 man -l "$file" | col -bx | escaped
			echo '</pre>'
		} | page "$(basename "$file" .8)" ../ >"$site/$file.html"
		;;
	*) cp "$file" "$site/$file" ;;
	esac
done < <(ls -- *.md LICENSE bench/*.md testdata/*.md docs/*.md docs/*/*.md docs/schema/*.json man/*.8)
printf '%s\n' "$site/docs/index.html"
