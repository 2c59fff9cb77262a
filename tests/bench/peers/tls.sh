# Scenarios that the bench has not: short connections with TLS, made by tlsload.
# Sourced by an adapter that has tls_setup, which makes its server take
# STARTTLS at SMTP_PORT or TLS at POP3S_PORT with the key and certificate in
# TLS_PEM.  Each is run with whole handshakes and with sessions that go on.
TLS_PEM=/tmp/bench-tls.pem POP3S_PORT=9950
tls_load() { # full|resumed N AT_ONCE words -> line
	local r=
	[ "$1" = resumed ] && r=-r
	"$TLSLOAD" -P "$4" -n "$2" -c "$3" $r "${@:5}"
}
tls_start() {
	openssl req -x509 -nodes -days 2 -subj /CN=bench.example -newkey ec \
		-pkeyopt ec_paramgen_curve:P-256 -keyout "$TLS_PEM.key" \
		-out "$TLS_PEM.crt" 2>/dev/null || exit 111
	cat "$TLS_PEM.key" "$TLS_PEM.crt" >"$TLS_PEM"
	tls_setup
	start
}
s_starttls() { # a connection for each message
	local n=${N:-2000} mode c line c0 c1 t0
	tls_start
	for mode in full resumed; do
		for c in ${SESSIONS:-10 50}; do
			md_clean
			tls_load $mode 200 5 $SMTP_PORT smtp src@bench.example \
				$RCPT_LOCAL 4096 >/dev/null || exit 111
			quiesce
			md_clean
			quiesce
			sync
			wc_start "$(md)/new" $n 120
			c0=$(cpu) t0=$(now)
			line=$(tls_load $mode $n $c $SMTP_PORT smtp \
				src@bench.example $RCPT_LOCAL 4096)
			wc_wait
			c1=$(cpu)
			say "n=$n sessions=$c mode=$mode e2e_per_s=$(calc \
				"$count/($last-$t0)") arrived=$count $line" \
				"$(cpu_diff "$c0" "$c1" $n)"
		done
	done
	stop
}
s_pop3s() { # sessions of a mailbox with ten messages
	local n=${N:-1000} mode c0 line
	peer_ready() { wait_port $POP3S_PORT; }
	md_clean
	"$BENCH_BIN/mkmaildir" "$(md)" 10 4096 $VUID $VGID
	tls_start
	tls_load full 50 5 $POP3S_PORT pop3s $POP_USER $POP_PASS >/dev/null ||
		exit 111
	for mode in full resumed; do
		for _ in 1 2 3; do
			quiesce
			c0=$(cpu)
			line=$(tls_load $mode $n 10 $POP3S_PORT pop3s $POP_USER \
				$POP_PASS)
			say "n=$n mode=$mode $line $(cpu_diff "$c0" "$(cpu)" $n)"
		done
	done
	stop
}
