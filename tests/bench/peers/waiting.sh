# culver with WAITING messages in its queue for a host that is down, whose turns
# have all come once.  They stay from one start to the next.
. "${BASH_SOURCE%/*}/culver.sh"
eval "culver_$(declare -f peer_setup)"
peer_setup() {
	culver_peer_setup
	: >"$H/log/bench/send"
	[ "$(find "$H/queue/mess" -type f | head -1)" ] ||
		/usr/bin/python3 "$CULVER_BIN/../../tests/bench/fill.py" "$H" "$WAITING"
}
peer_ready() {
	wait_port "$SMTP_PORT"
	until grep -q "listed messages=" "$H/log/bench/send"; do sleep 0.5; done
	quiesce 1200
}
