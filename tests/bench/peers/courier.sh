# The adapter of that name beside bench.sh.
. "$here/peers/courier.sh"
. "${BASH_SOURCE%/*}/aside.sh"
