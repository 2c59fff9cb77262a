# The adapter of that name beside bench.sh.
. "$here/peers/postfix.sh"
. "${BASH_SOURCE%/*}/aside.sh"
