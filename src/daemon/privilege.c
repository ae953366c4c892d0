#include "daemon/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECURE_BITS                                                               \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |     \
	 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

struct sets {
	uint64_t effective, permitted, inheritable;
};

static const uint64_t kept = 0
#define X(capability, why) | UINT64_C(1) << capability
	PRIVILEGES(X)
#undef X
	;

static int get(struct sets *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	*ret = (struct sets){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

static int set(uint64_t capabilities)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)capabilities, .permitted = (uint32_t)capabilities},
		{.effective = (uint32_t)(capabilities >> 32),
		 .permitted = (uint32_t)(capabilities >> 32)},
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* Who may not drop from the bounding set has nothing to keep from children either. */
static int close_ways_back(void)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0) ? -errno : 0;
}

int privilege_drop(struct err *err)
{
	struct sets before, after;
	int r = get(&before);

	if (!r && before.permitted >> CAP_SETPCAP & 1)
		r = close_ways_back();
	r = r ? r : set(before.permitted & kept);
	r = r ? r : get(&after);
	if (r)
		return fail(err, ERR_DENIED, "capabilities cannot be given up: %s", strerror(-r));
	if (after.permitted & ~kept || after.effective & ~kept || after.inheritable)
		return fail(err, ERR_INTERNAL, "capabilities were given up but are still there");
	return 0;
}
