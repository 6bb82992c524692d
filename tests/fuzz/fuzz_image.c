// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the walk through initramfs images: our own reader of cpio, and how the parts of an image
 * follow each other. An image that can be read twice over has everything twice.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "initramfs_image.h"
#include "text.h"

enum { WANTED_MOST = 200, GAP = 516 };

/* What was seen of an image. */
struct seen {
	size_t entries;
	size_t contents;
	uint64_t sum; /* of all that was seen, in any order */
	size_t wanted;
};

static size_t see_entry(void *context, const char *path, mode_t mode)
{
	struct seen *seen = context;

	MUST(path[0] != '/' && strncmp(path, "./", 2) != 0);
	seen->entries++;
	seen->sum += fnv1a64(path, strlen(path)) + mode;
	seen->wanted = mode % 2 == 0 ? WANTED_MOST : 0;
	return seen->wanted;
}

static int see_content(void *context, const char *path, char *data, size_t length)
{
	struct seen *seen = context;

	MUST(length <= seen->wanted && data[length] == '\0');
	seen->contents++;
	seen->sum += fnv1a64(data, length) + strlen(path);
	free(data);
	return 0;
}

static int walk(int fd, struct seen *seen)
{
	const struct image_visitor visitor = { see_entry, see_content, seen };
	char reason[IMAGE_REASON_SIZE] = "";
	int r;

	*seen = (struct seen){ 0 };
	r = image_walk(fd, &visitor, reason);
	MUST(r == 0 || (r == -EBADMSG && reason[0] != '\0'));
	return r;
}

static void check_twice(int fd, const uint8_t *data, size_t size, const struct seen *once)
{
	struct seen twice;
	size_t second = (size + GAP) & ~(size_t)3;

	MUST(pwrite(fd, data, size, (off_t)second) == (ssize_t)size);
	MUST(walk(fd, &twice) == 0);
	MUST(twice.entries == 2 * once->entries && twice.contents == 2 * once->contents);
	MUST(twice.sum == 2 * once->sum);
}

/* Behind xz and zero bytes libarchive wants xz again, though the kernel takes any part there. */
static bool has_xz(const uint8_t *data, size_t size)
{
	return memmem(data, size,
		      "\xfd"
		      "7zXZ",
		      5) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen once;
	int fd = memfd_create("image", MFD_CLOEXEC);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (walk(fd, &once) == 0 && !has_xz(data, size))
		check_twice(fd, data, size, &once);
	(void)close(fd);
	return 0;
}
