/* finding: the key of a worker that is whom a job wants; see finding.h. */
#include "local/finding.h"

uint64_t
finding_key(const struct finding *f)
{
	uint32_t hash = f->gid;

	for (uint32_t i = 0; i < f->count; i++)
		hash = (hash ^ f->groups[i]) * 0x01000193U;
	return (uint64_t)f->uid << 32 | hash;
}
