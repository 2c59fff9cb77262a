# The adapter of that name beside bench.sh.
. "$here/peers/dovecot.sh"
. "${BASH_SOURCE%/*}/aside.sh"
