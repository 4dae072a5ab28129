#!/usr/bin/env bash
# Opens a report.html in a headless Chromium at 380 and 1400 px, light and dark: browser.sh REPORT.html [FOLDER for screenshots].
# Fails on a console message, or where the page is wider than its window. Exit code 77, with a line, where no Chromium is installed.
set -euo pipefail
page=$(realpath "${1:?usage: browser.sh REPORT.html [FOLDER]}")
folder=${2:-$(mktemp -d)}
mkdir -p "$folder"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  echo "SKIPPED: no chromium, chromium-browser or google-chrome in PATH"
  exit 77
fi
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
probe="$profile/probe.html"
failed=0

# A frame has exactly the width that is asked for; windows of a headless browser have a least one.
write_probe() {
  printf '<iframe src="file://%s" style="border:0;width:%spx;height:2400px" onload="const d = this.contentDocument.documentElement;
    document.title = d.scrollWidth + \x27 \x27 + d.clientWidth"></iframe>' "$page" "$1" >"$probe"
}

open_page() {  # WIDTH SCHEME FURTHER-ARGUMENT…
  local scheme=1
  [ "$2" = dark ] && scheme=0
  timeout 120 "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
    --user-data-dir="$profile" --enable-logging=stderr --blink-settings=preferredColorScheme=$scheme --window-size="$1",2400 "${@:3}"
}

for width in 380 1400; do
  for scheme in light dark; do
    open_page "$width" "$scheme" --screenshot="$folder/$width-$scheme.png" "file://$page" 2>"$profile/log" >/dev/null
    if grep 'CONSOLE' "$profile/log"; then failed=1; fi
    write_probe "$width"
    sizes=$(open_page 1500 "$scheme" --dump-dom "file://$probe" 2>/dev/null | grep -o '<title>[0-9 ]*' | tr -dc '0-9 ')
    read -r wide seen <<<"$sizes"
    echo "$width px, $scheme: content $wide px in $seen px"
    if [ "$wide" -gt "$seen" ]; then failed=1; fi
  done
done
echo "screenshots: $folder"
exit "$failed"
