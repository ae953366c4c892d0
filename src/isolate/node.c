#include "isolate/node.h"

#include <acl/libacl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static void free_acl(acl_t acl)
{
	acl_free(acl);
}

static void free_acl_text(char *text)
{
	acl_free(text);
}

DEFINE_CLEANUP(free_acl, acl_t);
DEFINE_CLEANUP(free_acl_text, char *);

static int node_fail(const char *path, const char *what, int error, struct err *err)
{
	enum err_code code = error == ENOENT || error == ENOTDIR ? ERR_NOT_FOUND
			     : error == EPERM || error == EACCES ? ERR_DENIED
			     : error == ENOTSUP			 ? ERR_UNSUPPORTED
			     : error == ENOMEM			 ? ERR_NOMEM
								 : ERR_IO;

	fail(err, code, "'%s': %s: %s", path, what, strerror(error));
	if (code == ERR_UNSUPPORTED)
		return fail_hint(err, "its file system keeps no ACLs; devtmpfs and tmpfs do");
	return -(int)code;
}

static int find(const char *path, struct stat *ret, struct err *err)
{
	if (lstat(path, ret))
		return node_fail(path, "cannot be looked at", errno, err);
	if (!S_ISCHR(ret->st_mode))
		return fail(err, ERR_INVALID, "'%s' is not a character device", path);
	return 0;
}

static int find_as(const char *path, dev_t rdev, struct stat *ret, struct err *err)
{
	int r = find(path, ret, err);

	if (!r && ret->st_rdev != rdev)
		return fail(err, ERR_STALE, "'%s' has become another device", path);
	return r;
}

/* A file system without ACLs is no reason to fail here: then the mode says all. */
static int read_acl(const char *path, char *ret, struct err *err)
{
	cleanup(free_acl) acl_t acl = NULL;
	cleanup(free_acl_text) char *text = NULL;
	int extended = acl_extended_file_nofollow(path);

	ret[0] = '\0';
	if (extended == 0 || (extended < 0 && errno == ENOTSUP))
		return 0;
	acl = extended < 0 ? NULL : acl_get_file(path, ACL_TYPE_ACCESS);
	if (!acl)
		return node_fail(path, "its ACL cannot be read", errno, err);
	text = acl_to_any_text(acl, NULL, ',', TEXT_ABBREVIATE | TEXT_NUMERIC_IDS);
	if (!text)
		return node_fail(path, "its ACL cannot be read", errno, err);
	if (snprintf(ret, NODE_ACL_TEXT, "%s", text) >= NODE_ACL_TEXT)
		return fail(err, ERR_TOO_LARGE, "'%s' has an ACL longer than %d bytes", path,
			    NODE_ACL_TEXT);
	return 0;
}

int node_read(const char *path, struct node_state *ret, struct err *err)
{
	struct stat st;
	int r = find(path, &st, err);

	if (r)
		return r;
	ret->rdev = st.st_rdev;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->mode = st.st_mode & 07777;
	return read_acl(path, ret->acl, err);
}

/* ---- what shall be ---- */

void node_access_add(struct node_access *access, uid_t uid)
{
	for (size_t i = 0; i < access->n_users; i++)
		if (access->users[i] == uid)
			return;
	if (access->n_users < NODE_MAX_USERS)
		access->users[access->n_users++] = uid;
}

static int add_entry(acl_t *acl, acl_tag_t tag, const uid_t *uid, bool read, bool write)
{
	acl_permset_t perms;
	acl_entry_t entry;

	if (acl_create_entry(acl, &entry) || acl_set_tag_type(entry, tag) ||
	    (uid && acl_set_qualifier(entry, uid)) || acl_get_permset(entry, &perms) ||
	    (read && acl_add_perm(perms, ACL_READ)) || (write && acl_add_perm(perms, ACL_WRITE)))
		return -1;
	return 0;
}

/* NULL: no memory */
static acl_t wanted(const struct node_access *access)
{
	cleanup(free_acl) acl_t acl = acl_init((int)access->n_users + 4);
	bool write = access->write;
	int r = !acl || add_entry(&acl, ACL_USER_OBJ, NULL, true, write) ||
		add_entry(&acl, ACL_GROUP_OBJ, NULL, access->has_group,
			  access->has_group && write) ||
		add_entry(&acl, ACL_OTHER, NULL, false, false);

	for (size_t i = 0; !r && i < access->n_users; i++)
		r = add_entry(&acl, ACL_USER, &access->users[i], true, write);
	if (!r && access->n_users)
		r = add_entry(&acl, ACL_MASK, NULL, true, write);
	return r ? NULL : steal(acl);
}

static bool is_so(const char *path, const struct stat *st, acl_t acl, gid_t gid)
{
	cleanup(free_acl) acl_t now = acl_get_file(path, ACL_TYPE_ACCESS);

	return now && acl_cmp(now, acl) == 0 && st->st_uid == 0 && st->st_gid == gid;
}

/* Only what only root may make. */
static int own(const char *path, const struct stat *st, uid_t uid, gid_t gid, struct err *err)
{
	if ((st->st_uid != uid || st->st_gid != gid) && lchown(path, uid, gid))
		return node_fail(path, "its owner cannot be set", errno, err);
	return 0;
}

int node_close(const char *path, dev_t rdev, const struct node_access *access, bool *ret_changed,
	       struct err *err)
{
	cleanup(free_acl) acl_t acl = wanted(access);
	gid_t gid = access->has_group ? access->group : 0;
	struct stat st;
	int r = acl ? find_as(path, rdev, &st, err) : fail(err, ERR_NOMEM, "no memory for an ACL");

	if (ret_changed)
		*ret_changed = false;
	if (r || is_so(path, &st, acl, gid))
		return r;
	if (ret_changed)
		*ret_changed = true;
	/* The mode is part of the ACL, so that it is never closed by half. */
	if (acl_set_file(path, ACL_TYPE_ACCESS, acl))
		return node_fail(path, "cannot be closed", errno, err);
	r = own(path, &st, 0, gid, err);
	r = r ? r : find_as(path, rdev, &st, err);
	if (!r && !is_so(path, &st, acl, gid))
		return fail(err, ERR_IO, "'%s' was closed but did not stay so", path);
	return r;
}

/* ---- what was ---- */

int node_put_back(const char *path, const struct node_state *before, struct err *err)
{
	cleanup(free_acl) acl_t acl =
		before->acl[0] ? acl_from_text(before->acl) : acl_from_mode(before->mode);
	struct node_state now;
	struct stat st;
	int r = acl ? find_as(path, before->rdev, &st, err)
		    : fail(err, ERR_INVALID, "'%s': '%.80s' is no ACL", path, before->acl);

	r = r ? r : own(path, &st, before->uid, before->gid, err);
	if (r)
		return r;
	if (acl_set_file(path, ACL_TYPE_ACCESS, acl) && errno != ENOTSUP)
		return node_fail(path, "its ACL cannot be put back", errno, err);
	if (!before->acl[0] && chmod(path, before->mode))
		return node_fail(path, "its mode cannot be put back", errno, err);
	r = node_read(path, &now, err);
	if (!r && (now.mode != before->mode || strcmp(now.acl, before->acl) != 0 ||
		   now.uid != before->uid || now.gid != before->gid))
		return fail(err, ERR_IO, "'%s' was put back but did not stay so", path);
	return r;
}
