# The adapter of that name beside bench.sh.
. "$here/peers/postfix.sh"
. "${BASH_SOURCE%/*}/aside.sh"
# As Debian has it, but for the certificate; clients may go on with tickets.
tls_setup() {
	cp "$TLS_PEM" "$ROOT/etc/postfix/bench.pem"
	POSTFIX_EXTRA="smtpd_tls_security_level=may
		smtpd_tls_chain_files=/etc/postfix/bench.pem
		smtpd_tls_loglevel=0"
}
. "${BASH_SOURCE%/*}/tls.sh"
