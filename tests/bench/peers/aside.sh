# Mailboxes of earlier runs are put aside, whole, and not removed: on a disk
# whose file system passes over what was deleted lately (ext4 without a journal,
# for minutes) whoever makes a file would pay for the bench's own cleaning, and
# who makes the fewest would look best.  bench.py removes them at its end.
# Sourced after an adapter.
ASIDE=${BENCH_ASIDE:-/var/tmp/culver-bench/aside}
md_clean() {
	local d
	d=$(md)
	mkdir -p "$ASIDE"
	[ ! -e "$d" ] || mv "$d" "$(mktemp -d "$ASIDE/XXXXXXXX")"
	mkdir -p "$d/tmp" "$d/new" "$d/cur"
	chown -R "$VUID:$VGID" "${d%/*}"
	chmod 700 "$d" "$d/tmp" "$d/new" "$d/cur"
}
