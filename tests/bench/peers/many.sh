# 1000000 messages wait.
WAITING=${BENCH_MANY:-1000000}
. "${BASH_SOURCE%/*}/waiting.sh"
