/* disk: file systems that cannot keep a queue's promises. */
#include "control/setup.h"
#include "lib/die.h"
#include <sys/vfs.h>

/* Numbers of statfs(2); some have no name in a header everybody has. */
static const struct {
	unsigned long type;
	const char *fault;
} bad[] = {
    {0x01021994, "tmpfs, which forgets everything at a power cut"},
    {0x858458f6, "ramfs, which forgets everything at a power cut"},
    {0x6969,     "NFS, a network file system"                    },
    {0x517b,     "SMB, a network file system"                    },
    {0xff534d42, "CIFS, a network file system"                   },
    {0xfe534d42, "SMB2, a network file system"                   },
    {0x01021997, "9p, a network file system"                     },
    {0x65735546, "a FUSE file system"                            },
    {0x73757245, "Coda, a network file system"                   },
    {0x5346414f, "AFS, a network file system"                    },
    {0x00c36400, "Ceph, a network file system"                   },
    {0x0bd00bd0, "Lustre, a network file system"                 },
};

const char *
disk_fault(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		die_temp("unable to find out the file system of HOME");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (bad[i].type == ((unsigned long)st.f_type & 0xffffffff))
			return bad[i].fault;
	return NULL;
}
