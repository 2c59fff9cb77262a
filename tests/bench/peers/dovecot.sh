# The adapter of that name beside bench.sh.
. "$here/peers/dovecot.sh"
. "${BASH_SOURCE%/*}/aside.sh"
tls_setup() {
	cp "$TLS_PEM" "$ROOT/etc/dovecot/bench.pem"
	DOVECOT_EXTRA="ssl = yes
ssl_cert = </etc/dovecot/bench.pem
ssl_key = </etc/dovecot/bench.pem
service pop3-login {
  inet_listener pop3s {
    port = $POP3S_PORT
    ssl = yes
  }
}"
}
. "${BASH_SOURCE%/*}/tls.sh"
