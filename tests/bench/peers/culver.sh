# culver, as root sets it up: each program under its account and in its jail,
# the settings that culver setup makes, and room for the sessions of one client.
# Sourced by the bench; CULVER_BIN is the folder of the programs.
H=${CULVER_BENCH_HOME:-/var/tmp/culver-bench/home}
MAILDIR=$H/domains/bench.example/bob/Maildir
culver_setup() {
	mkdir -p "${H%/*}" && chmod 755 "${H%/*}"
	rm -rf "$H/bin" # of an earlier run: what is there setup leaves alone
	"$CULVER_BIN/culver" setup --home "$H" --domain bench.example \
		--user "bob:$POP_PASS" >/tmp/bench-culver-setup.log || exit 111
	VUID=$(id -u culverv) VGID=$(id -g culverv)
}
culver_setup # at once: some scenarios fill the mailbox before they start us
peer_setup() {
	local n
	echo ":[127.0.0.1]:$SINK_PORT" >"$H/control/smtproutes"
	printf 'bench.example\nsink.example\n' >"$H/control/rcpthosts"
	# All of the bench's sessions come from one address.
	for n in incoming ip net pop3 pop3ip pop3net; do
		echo 200 >"$H/control/concurrency$n"
	done
	echo "127.0.0.1:$SMTP_PORT" >"$H/service/smtpd/env/LISTEN"
	echo "127.0.0.1:$POP3_PORT" >"$H/service/popup/env/LISTEN"
	"$CULVER_BIN/culver" control check --home "$H" >>/tmp/bench-culver-setup.log ||
		exit 111
	mkdir -p "$H/log/bench"
}
peer_start() {
	local s
	for s in bounce queued send lspawn rspawn policyd authd smtpd popup \
		${TLS_SERVICES:-}; do
		(cd "$H/service/$s" && in_cg ./run >>"$H/log/bench/$s" 2>&1) &
	done
}
pids_of() {
	local p
	for p in $(cat "$CG2/cgroup.procs"); do
		[ "$(cat "/proc/$p/comm")" = "$1" ] && echo "$p"
	done
}
peer_stop() { kill $(cat "$CG2/cgroup.procs") 2>/dev/null; }
peer_sched_pids() { pids_of culver-send; }
peer_queue_count() { find "$H/queue/mess" -type f | wc -l; }
peer_queue_list() { CULVER_HOME=${CULVER_BENCH_HOME:-/var/tmp/culver-bench/home} "$CULVER_BIN/culver-sendmail" -bp; }
peer_queue_wipe() { find "$H/queue/mess" "$H/queue/info" -type f -delete; }
peer_flush() { kill -ALRM $(pids_of culver-send); }
peer_binaries() {
	local b
	for b in smtpd queued send bounce lspawn local rspawn remote policyd \
		popup authd pop3d; do
		echo "$H/bin/culver-$b"
	done
}
. "${BASH_SOURCE%/*}/aside.sh"
tls_setup() {
	local s
	install -o culverk -g culverk -m 600 "$TLS_PEM" \
		"$H/control/servercert.pem"
	for s in pop3s; do
		[ -d "$H/service/$s" ] || cp -r "${BASH_SOURCE%/*}/../../../run/optional/$s" \
			"$H/service/$s"
	done
	mkdir -p "$H/service/pop3s/env"
	echo "127.0.0.1:$POP3S_PORT" >"$H/service/pop3s/env/LISTEN"
	TLS_SERVICES="keyd pop3s"
}
. "${BASH_SOURCE%/*}/tls.sh"
