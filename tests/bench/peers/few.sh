# 1000 messages wait.
WAITING=${BENCH_FEW:-1000}
. "${BASH_SOURCE%/*}/waiting.sh"
