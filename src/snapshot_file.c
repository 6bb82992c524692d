// SPDX-License-Identifier: GPL-2.0-or-later
/* Snapshots as files: a compressed tar is written, and unpacked with care. */
#include "snapshot_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "temporary.h"
#include "version.h"

/*
 * What a file may make of itself. 4,096 functions are about 70,000 members and 70 MiB of tar;
 * the largest files are the indexes of a kernel's modules.
 */
enum {
	MEMBERS_MOST = 250000,
	MEMBER_BYTES_MOST = 32 << 20,
	CONTENT_BYTES_MOST = 256 << 20,
	TAR_BYTES_MOST = 512 << 20,
	BLOCK_SIZE = 65536,
};

/* ---- Writing */

static int write_error(struct archive *archive)
{
	int error = archive_errno(archive);

	return error > 0 ? -error : -EIO;
}

static int write_item(struct archive *archive, struct archive_entry *entry,
		      const struct captured *item)
{
	archive_entry_clear(entry);
	archive_entry_set_pathname(entry, item->path);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_perm(entry, item->kind == CAPTURED_FILE ? 0644 : 0755);
	switch (item->kind) {
	case CAPTURED_LINK:
		archive_entry_set_filetype(entry, AE_IFLNK);
		archive_entry_set_symlink(entry, item->data);
		break;
	case CAPTURED_DIRECTORY:
		archive_entry_set_filetype(entry, AE_IFDIR);
		break;
	case CAPTURED_FILE:
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_size(entry, (int64_t)item->length);
		break;
	}
	/* A warning is of a name that is not in the locale's charset: its bytes are kept. */
	if (archive_write_header(archive, entry) < ARCHIVE_WARN)
		return write_error(archive);
	if (item->kind == CAPTURED_FILE && item->length > 0 &&
	    archive_write_data(archive, item->data, item->length) != (la_ssize_t)item->length)
		return write_error(archive);
	return 0;
}

static int write_items(struct archive *archive, const struct capture *capture)
{
	struct archive_entry *entry = archive_entry_new();
	int r = entry == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < capture->count; i++)
		r = write_item(archive, entry, &capture->items[i]);
	archive_entry_free(entry);
	return r;
}

int snapshot_write(const struct capture *capture, int fd)
{
	struct archive *archive = archive_write_new();
	int r = 0;

	if (archive == NULL)
		return -ENOMEM;
	/* The last block is not filled up, and gzip's head has no time in it. */
	if (archive_write_set_format_pax_restricted(archive) != ARCHIVE_OK ||
	    archive_write_add_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_write_set_options(archive, "gzip:!timestamp") != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(archive, fd) != ARCHIVE_OK)
		r = write_error(archive);
	if (r == 0)
		r = write_items(archive, capture);
	if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
		r = write_error(archive);
	if (r < 0)
		(void)archive_write_fail(archive);
	(void)archive_write_free(archive);
	return r;
}

/* ---- Reading */

/* A file that is being unpacked. */
struct unpacking {
	int fd;                     /* the compressed file */
	struct archive *compressed; /* its one member: a tar */
	struct archive *tar;
	uint64_t tar_bytes;
	uint64_t content_bytes;
	unsigned members;
	int root;   /* where it goes */
	int parent; /* the directory of the last member, or -1 */
	char parent_path[ARCHIVE_NAME_SIZE];
	char input[BLOCK_SIZE];
	char block[BLOCK_SIZE];
	char *reason;
};

static int fail(struct unpacking *unpacking, int error, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* Says what is wrong, unless that was said already. Returns `error`. */
static int fail(struct unpacking *unpacking, int error, const char *format, ...)
{
	va_list args;

	if (unpacking->reason[0] != '\0')
		return error;
	va_start(args, format);
	(void)vsnprintf(unpacking->reason, SNAPSHOT_REASON_SIZE, format, args);
	va_end(args);
	return error;
}

static int refuse(struct unpacking *unpacking, const char *path, const char *why)
{
	return fail(unpacking, -EBADMSG, "its member '%s' is refused: %s", path, why);
}

static int fail_to_write(struct unpacking *unpacking, const char *path)
{
	int error = -errno;

	return fail(unpacking, error, "'%s' cannot be unpacked: %s", path, strerror(-error));
}

static la_ssize_t read_file(struct archive *archive, void *context, const void **ret_block)
{
	struct unpacking *unpacking = context;
	ssize_t n;

	do
		n = read(unpacking->fd, unpacking->input, BLOCK_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(archive, errno, "%s", strerror(errno));
	*ret_block = unpacking->input;
	return n;
}

/* The tar's bytes. What a small file can grow to is cut here, before anybody looks at it. */
static la_ssize_t read_tar(struct archive *archive, void *context, const void **ret_block)
{
	struct unpacking *unpacking = context;
	la_ssize_t n = archive_read_data(unpacking->compressed, unpacking->block, BLOCK_SIZE);

	if (n < 0) {
		const char *text = archive_error_string(unpacking->compressed);

		(void)fail(unpacking, -EBADMSG, "it cannot be uncompressed: %s",
			   text != NULL ? text : "it is damaged");
		archive_set_error(archive, EINVAL, "%s", unpacking->reason);
		return -1;
	}
	unpacking->tar_bytes += (uint64_t)n;
	if (unpacking->tar_bytes > TAR_BYTES_MOST) {
		(void)fail(unpacking, -EBADMSG, "it uncompresses to more than %d MiB",
			   TAR_BYTES_MOST >> 20);
		archive_set_error(archive, EFBIG, "%s", unpacking->reason);
		return -1;
	}
	*ret_block = unpacking->block;
	return n;
}

/* One layer of gzip and no more: what is in it has to be the tar. */
static int open_compressed(struct unpacking *unpacking)
{
	struct archive_entry *entry;
	struct archive *archive = archive_read_new();

	unpacking->compressed = archive;
	if (archive == NULL)
		return fail(unpacking, -ENOMEM, "%s", strerror(ENOMEM));
	if (archive_read_support_format_raw(archive) != ARCHIVE_OK ||
	    archive_read_append_filter(archive, ARCHIVE_FILTER_GZIP) != ARCHIVE_OK ||
	    archive_read_open(archive, unpacking, NULL, read_file, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return fail(unpacking, -EBADMSG, "it is not a snapshot: it is no gzip file");
	return 0;
}

static int open_tar(struct unpacking *unpacking)
{
	struct archive *archive = archive_read_new();

	unpacking->tar = archive;
	if (archive == NULL)
		return fail(unpacking, -ENOMEM, "%s", strerror(ENOMEM));
	if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
	    archive_read_open(archive, unpacking, NULL, read_tar, NULL) != ARCHIVE_OK)
		return fail(unpacking, -EBADMSG, "it is not a snapshot: there is no tar in it");
	return 0;
}

/*
 * Opens a directory below the one that is unpacked to, and makes it where it is not there. It
 * is gone to step by step, and no step may be a link: nothing is ever written through one.
 */
static int open_parent(struct unpacking *unpacking, const char *path)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	char component[NAME_MAX + 1];
	int dir = dup(unpacking->root);

	if (dir < 0)
		return fail_to_write(unpacking, path);
	for (const char *at = path; *at != '\0';) {
		size_t length = strcspn(at, "/");

		memcpy(component, at, length);
		component[length] = '\0';
		at += length;
		at += *at == '/' ? 1 : 0;
		int next = openat(dir, component, flags);
		if (next < 0 && errno == ENOENT && mkdirat(dir, component, 0700) == 0)
			next = openat(dir, component, flags);
		int error = errno;
		(void)close(dir);
		if (next < 0 && (error == ENOTDIR || error == ELOOP))
			return refuse(unpacking, path, "a member above it is no directory");
		errno = error;
		if (next < 0)
			return fail_to_write(unpacking, path);
		dir = next;
	}
	return dir;
}

/* Makes the directory of a member the current one; members of one come together. */
static int enter_parent(struct unpacking *unpacking, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) : 0;

	*ret_name = slash != NULL ? slash + 1 : path;
	if (unpacking->parent >= 0 && strlen(unpacking->parent_path) == length &&
	    strncmp(unpacking->parent_path, path, length) == 0)
		return 0;
	if (unpacking->parent >= 0)
		(void)close(unpacking->parent);
	memcpy(unpacking->parent_path, path, length);
	unpacking->parent_path[length] = '\0';
	unpacking->parent = open_parent(unpacking, unpacking->parent_path);
	return unpacking->parent < 0 ? unpacking->parent : 0;
}

static int tar_error(struct unpacking *unpacking)
{
	const char *text = archive_error_string(unpacking->tar);

	return fail(unpacking, -EBADMSG, "it is damaged or no tar: %s",
		    text != NULL ? text : "it cannot be read");
}

static int write_block(struct unpacking *unpacking, int fd, const char *path, const char *data,
		       size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_to_write(unpacking, path);
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

static int unpack_file(struct unpacking *unpacking, struct archive_entry *entry,
		       const char *path, const char *name)
{
	int64_t size = archive_entry_size(entry);
	const void *data;
	size_t length;
	int64_t offset;
	int64_t written = 0;
	int r = 0;

	if (size < 0 || size > MEMBER_BYTES_MOST)
		return refuse(unpacking, path, "it is too large");
	unpacking->content_bytes += (uint64_t)size;
	if (unpacking->content_bytes > CONTENT_BYTES_MOST)
		return refuse(unpacking, path, "all files together are too large");
	AUTO_CLOSE int fd = openat(unpacking->parent, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? refuse(unpacking, path, "it is there twice")
				       : fail_to_write(unpacking, path);
	while (r == 0 && written < size) {
		r = archive_read_data_block(unpacking->tar, &data, &length, &offset);
		if (r != ARCHIVE_OK)
			return tar_error(unpacking);
		/* A sparse file has holes, which no file of a snapshot has. */
		if (offset != written || length > (size_t)(size - written))
			return refuse(unpacking, path, "it is a sparse file");
		r = write_block(unpacking, fd, path, data, length);
		written += (int64_t)length;
	}
	return r;
}

static int unpack_link(struct unpacking *unpacking, const char *target, const char *path,
		       const char *name)
{
	const char *why =
		target != NULL ? archive_link_check(path, target) : "its target cannot be read";

	if (why != NULL)
		return refuse(unpacking, path, why);
	if (symlinkat(target, unpacking->parent, name) < 0)
		return errno == EEXIST ? refuse(unpacking, path, "it is there twice")
				       : fail_to_write(unpacking, path);
	return 0;
}

/* A directory may be there already, made for what is in it. */
static int unpack_directory(struct unpacking *unpacking, const char *path)
{
	int dir = open_parent(unpacking, path);

	if (dir < 0)
		return dir;
	(void)close(dir);
	return 0;
}

static int unpack_member(struct unpacking *unpacking, struct archive_entry *entry)
{
	char path[ARCHIVE_NAME_SIZE];
	const char *raw = archive_entry_pathname(entry);
	const char *name = NULL;

	if (++unpacking->members > MEMBERS_MOST)
		return fail(unpacking, -EBADMSG, "it has more than %d members", MEMBERS_MOST);
	if (raw == NULL)
		return fail(unpacking, -EBADMSG, "the name of a member cannot be read");
	const char *why = archive_name_read(raw, path);
	if (why != NULL)
		return fail(unpacking, -EBADMSG, "the name of its member %u is refused: %s",
			    unpacking->members, why);
	if (archive_entry_hardlink(entry) != NULL)
		return refuse(unpacking, path, "it is a hard link");
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return unpack_directory(unpacking, path);
	int r = path[0] == '\0' ? -EBADMSG : enter_parent(unpacking, path, &name);
	if (r < 0)
		return fail(unpacking, r, "a member is no directory, but has the name of one");
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		return unpack_file(unpacking, entry, path, name);
	case AE_IFLNK:
		return unpack_link(unpacking, archive_entry_symlink(entry), path, name);
	default:
		return refuse(unpacking, path, "it is no file, directory or symbolic link");
	}
}

static int unpack_members(struct unpacking *unpacking)
{
	struct archive_entry *entry;
	int r = 0;

	while (r == 0) {
		int status = archive_read_next_header(unpacking->tar, &entry);

		if (status == ARCHIVE_EOF)
			break;
		/* A warning is of an owner or a time, which do not count here. */
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return tar_error(unpacking);
		r = unpack_member(unpacking, entry);
	}
	if (r == 0 && unpacking->members == 0)
		return fail(unpacking, -EBADMSG, "it is not a snapshot: it is empty");
	return r;
}

static int unpack(struct unpacking *unpacking)
{
	int r = open_compressed(unpacking);

	if (r == 0)
		r = open_tar(unpacking);
	if (r == 0)
		r = unpack_members(unpacking);
	(void)archive_read_free(unpacking->tar);
	(void)archive_read_free(unpacking->compressed);
	if (unpacking->parent >= 0)
		(void)close(unpacking->parent);
	return r;
}

static int unpack_into(int fd, int directory, char reason[SNAPSHOT_REASON_SIZE])
{
	struct unpacking *unpacking = calloc(1, sizeof(*unpacking));

	if (unpacking == NULL)
		return -ENOMEM;
	unpacking->fd = fd;
	unpacking->root = directory;
	unpacking->parent = -1;
	unpacking->reason = reason;
	int r = unpack(unpacking);
	free(unpacking);
	return r;
}

/* Whether what was unpacked is what this program understands. */
static int check_info(const struct root *root, char reason[SNAPSHOT_REASON_SIZE])
{
	struct capture_info info;
	int r = capture_info_read(root, &info);

	if (r < 0) {
		(void)snprintf(reason, SNAPSHOT_REASON_SIZE,
			       "it is not a snapshot: its " CAPTURE_INFO_PATH " is %s",
			       r == -ENOENT ? "missing" : "damaged");
		return -EBADMSG;
	}
	if (info.format <= CAPTURE_FORMAT)
		return 0;
	(void)snprintf(reason, SNAPSHOT_REASON_SIZE,
		       "it was made by a newer vfio-claim, %s; this is " VFIO_CLAIM_VERSION,
		       info.version);
	return -EBADMSG;
}

static int open_file(int fd, struct root *ret_root, char reason[SNAPSHOT_REASON_SIZE])
{
	const char *directory = NULL;
	struct root root;
	int r = temporary_make(&directory);

	if (r < 0) {
		(void)snprintf(reason, SNAPSHOT_REASON_SIZE,
			       "no temporary directory can be made to unpack it: %s",
			       strerror(-r));
		return r;
	}
	r = root_open(directory, &root);
	if (r == 0) {
		r = unpack_into(fd, root.fd, reason);
		if (r == 0)
			r = check_info(&root, reason);
		if (r < 0)
			root_close(&root);
	}
	if (r < 0)
		temporary_remove();
	else
		*ret_root = root;
	return r;
}

/*
 * A device is not waited for. A pipe is, also for its other end, as in
 * `... | vfio-claim plan --snapshot /dev/stdin`.
 */
static int open_path(const char *path, mode_t *ret_mode)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = -errno;

		if (fd >= 0)
			(void)close(fd);
		return error;
	}
	*ret_mode = st.st_mode;
	if (!S_ISFIFO(st.st_mode))
		return fd;
	(void)close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int snapshot_open(const char *path, struct root *ret_root, char reason[SNAPSHOT_REASON_SIZE])
{
	mode_t mode = 0;
	AUTO_CLOSE int fd = open_path(path, &mode);
	int r = fd < 0 ? fd : -EINVAL;

	reason[0] = '\0';
	if (fd >= 0 && S_ISDIR(mode))
		r = root_open(path, ret_root);
	else if (fd >= 0 && (S_ISREG(mode) || S_ISFIFO(mode)))
		r = open_file(fd, ret_root, reason);
	if (r < 0 && reason[0] == '\0')
		(void)snprintf(reason, SNAPSHOT_REASON_SIZE, "%s",
			       r == -EINVAL ? "it is neither a file nor a directory"
					    : strerror(-r));
	return r;
}
