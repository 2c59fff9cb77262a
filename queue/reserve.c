/* reserve: see reserve.h. */
#include "queue/reserve.h"

#include "lib/clock.h"
#include <errno.h>
#include <sys/statvfs.h>

bool
reserve_left(int fd, uint64_t reserve, uint64_t need)
{
	struct statvfs st;
	uint64_t bytes, wanted;

	if (fstatvfs(fd, &st) != 0)
		return false;
	if (__builtin_mul_overflow(
		(uint64_t)st.f_bavail, (uint64_t)st.f_frsize, &bytes))
		bytes = UINT64_MAX;
	errno = ENOSPC;
	if (__builtin_add_overflow(reserve, need, &wanted) || bytes < wanted)
		return false;
	return st.f_files == 0 || st.f_favail > reserve / RESERVE_INODE;
}

bool
reserve_left_lately(struct ample *a, int fd, uint64_t reserve, uint64_t need)
{
	int64_t now = clock_boot();

	if (need <= RESERVE_SMALL && reserve <= a->reserve && now < a->until)
		return true;
	a->until = 0;
	if (reserve <= UINT64_MAX - RESERVE_AMPLE &&
	    reserve_left(fd, reserve + RESERVE_AMPLE, need)) {
		*a = (struct ample){reserve, now + RESERVE_AMPLE_TIME};
		return true;
	}
	return reserve_left(fd, reserve, need);
}
