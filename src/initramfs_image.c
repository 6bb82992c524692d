// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads an initramfs image as the kernel does, with libarchive's decompressors. */
#include "initramfs_image.h"

#include <archive.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define LZ4_MAGIC "\x02\x21\x4c\x18"
#define ZSTD_MAGIC "\x28\xb5\x2f\xfd"

enum {
	/* usr/gen_init_cpio.c of the kernel: a magic of 6 bytes, then 13 numbers of 8 digits. */
	MAGIC_SIZE = 6,
	NUMBER_SIZE = 8,
	NUMBER_COUNT = 13,
	BLOCK_SIZE = 65536,
};

/* The numbers of a header that are looked at, by their places. */
enum header_field { FIELD_MODE = 1, FIELD_FILESIZE = 6, FIELD_NAMESIZE = 11 };

/* One part of an image, as a stream of bytes. */
struct part {
	int fd;
	uint64_t start;          /* where it begins in the image */
	struct archive *archive; /* NULL: it is not compressed */
	uint64_t position;       /* bytes handed out: cpio aligns to these */
	unsigned char *block;    /* of BLOCK_SIZE */
	size_t used;
	size_t filled;
	char *reason;
};

/* Says what is wrong, with a detail behind it, and where. */
static int bad(const struct part *part, const char *what, const char *detail)
{
	(void)snprintf(part->reason, IMAGE_REASON_SIZE,
		       "%s%s (in the part that begins at byte %" PRIu64 ")", what, detail,
		       part->start);
	return -EBADMSG;
}

static const char *archive_text(struct archive *archive)
{
	const char *text = archive_error_string(archive);

	return text != NULL ? text : "it is damaged";
}

static ssize_t read_at(int fd, void *bytes, size_t length, uint64_t place)
{
	ssize_t n;

	do
		n = pread(fd, bytes, length, (off_t)place);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Gets the next block. Returns its bytes, 0 at the end, or a negative errno. */
static ssize_t fill(struct part *part)
{
	ssize_t n;

	part->used = 0;
	part->filled = 0;
	if (part->archive != NULL) {
		n = archive_read_data(part->archive, part->block, BLOCK_SIZE);
		if (n < 0)
			return bad(part,
				   "it cannot be uncompressed: ", archive_text(part->archive));
	} else {
		n = read_at(part->fd, part->block, BLOCK_SIZE, part->start + part->position);
		if (n < 0)
			return n;
	}
	part->filled = (size_t)n;
	return n;
}

/* Hands `length` bytes out; `out` NULL leaves them out. Returns 0 or a negative errno. */
static int take(struct part *part, char *out, uint64_t length)
{
	while (length > 0) {
		if (part->used == part->filled) {
			ssize_t n = fill(part);

			if (n < 0)
				return (int)n;
			if (n == 0)
				return bad(part, "it ends too early", "");
		}
		size_t there = part->filled - part->used;
		size_t now = length < there ? (size_t)length : there;

		if (out != NULL) {
			memcpy(out, part->block + part->used, now);
			out += now;
		}
		part->used += now;
		part->position += now;
		length -= now;
	}
	return 0;
}

static int align(struct part *part)
{
	return take(part, NULL, -part->position & 3);
}

/* Leaves zero bytes out. Returns 1 before another byte, 0 at the end, or a negative errno. */
static int skip_zeros(struct part *part)
{
	for (;;) {
		if (part->used == part->filled) {
			ssize_t n = fill(part);

			if (n <= 0)
				return (int)n;
		}
		while (part->used < part->filled && part->block[part->used] == 0) {
			part->used++;
			part->position++;
		}
		if (part->used < part->filled)
			return 1;
	}
}

/* Reads an entry's header: the numbers that count, and whether it is one at all. */
static int take_header(struct part *part, uint32_t *ret_mode, uint32_t *ret_size,
		       uint32_t *ret_name_size)
{
	struct {
		char magic[MAGIC_SIZE];
		char numbers[NUMBER_COUNT][NUMBER_SIZE];
	} header;
	int r = take(part, (char *)&header, sizeof(header));

	if (r < 0)
		return r;
	if (memcmp(header.magic, "070701", MAGIC_SIZE) != 0 &&
	    memcmp(header.magic, "070702", MAGIC_SIZE) != 0)
		return bad(part, "it has no header where one must be", "");
	if (parse_hex(header.numbers[FIELD_MODE], NUMBER_SIZE, ret_mode) < 0 ||
	    parse_hex(header.numbers[FIELD_FILESIZE], NUMBER_SIZE, ret_size) < 0 ||
	    parse_hex(header.numbers[FIELD_NAMESIZE], NUMBER_SIZE, ret_name_size) < 0)
		return bad(part, "it has a header without numbers", "");
	return 0;
}

/* Reads the path of an entry, of at most PATH_MAX bytes as in the kernel (init/initramfs.c). */
static int take_path(struct part *part, uint32_t size, char path[PATH_MAX + 1])
{
	if (size == 0 || size > PATH_MAX)
		return bad(part, "it has a path of an impossible length", "");
	int r = take(part, path, size);

	path[size] = '\0';
	return r == 0 ? align(part) : r;
}

static const char *plain_path(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	return path;
}

/* Hands the content of an entry to the visitor where it wants it. */
static int take_content(struct part *part, const struct image_visitor *visitor,
			const char *path, mode_t mode, uint32_t size)
{
	size_t most = visitor->entry(visitor->context, path, mode);

	if (most == 0 || size > most) {
		int r = take(part, NULL, size);

		return r == 0 ? align(part) : r;
	}
	char *data = malloc((size_t)size + 1);
	if (data == NULL)
		return -ENOMEM;
	int r = take(part, data, size);
	if (r < 0) {
		free(data);
		return r;
	}
	data[size] = '\0';
	r = visitor->content(visitor->context, path, data, size);
	return r == 0 ? align(part) : r;
}

/* Reads one cpio archive up to its last entry. */
static int take_archive(struct part *part, const struct image_visitor *visitor)
{
	char path[PATH_MAX + 1] = "";

	for (;;) {
		uint32_t name_size = 0;
		uint32_t mode = 0;
		uint32_t size = 0;
		int r = take_header(part, &mode, &size, &name_size);

		if (r == 0)
			r = take_path(part, name_size, path);
		if (r < 0 || strcmp(path, "TRAILER!!!") == 0)
			return r;
		r = take_content(part, visitor, plain_path(path), (mode_t)mode, size);
		if (r < 0)
			return r;
	}
}

/* The length of a frame's header, by its fifth byte (RFC 8878, 3.1.1.1), without the magic. */
static size_t zstd_header_length(unsigned char descriptor)
{
	static const size_t dictionary[] = { 0, 1, 2, 4 };
	static const size_t content[] = { 0, 2, 4, 8 };
	bool single = (descriptor & 0x20) != 0;
	size_t window_length = single ? 0 : 1;
	size_t content_length = content[descriptor >> 6];

	if (single && content_length == 0)
		content_length = 1;
	return 1 + window_length + dictionary[descriptor & 3] + content_length;
}

/*
 * Finds the end of the frames of zstd that begin at a place, block by block. Behind a frame
 * libarchive 3.6 wants another one or the end of the file, and fails at what the kernel takes:
 * zero bytes, an archive that is compressed in another way. Where the frames are damaged the
 * end is as far as they could be followed.
 */
static uint64_t find_zstd_end(int fd, uint64_t place)
{
	unsigned char head[5];

	while (read_at(fd, head, sizeof(head), place) == (ssize_t)sizeof(head) &&
	       memcmp(head, ZSTD_MAGIC, 4) == 0) {
		bool checksum = (head[4] & 4) != 0;
		bool last = false;

		place += 4 + zstd_header_length(head[4]);
		while (!last && read_at(fd, head, 3, place) == 3) {
			uint64_t block = (uint64_t)head[0] | (uint64_t)head[1] << 8 |
					 (uint64_t)head[2] << 16;

			last = (block & 1) != 0;
			/* A block that repeats one byte has that byte. */
			place += 3 + ((block >> 1 & 3) == 1 ? 1 : block >> 3);
		}
		place += checksum ? 4 : 0;
	}
	return place;
}

/*
 * Finds the end of the old kind of frames of lz4, the one that the kernel reads
 * (lib/decompress_unlz4.c): chunks with their sizes before them, up to a size of zero. Chunks
 * hold 8 MiB before they are compressed. libarchive 3.6 fails at zero bytes behind.
 */
static uint64_t find_lz4_end(int fd, uint64_t place)
{
	unsigned char bytes[4];

	while (read_at(fd, bytes, sizeof(bytes), place) == (ssize_t)sizeof(bytes)) {
		uint64_t size = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 |
				(uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24;

		if (size == 0)
			return place;
		place += 4 + (memcmp(bytes, LZ4_MAGIC, 4) == 0 ? 0 : size);
	}
	return UINT64_MAX;
}

/* How the kernel knows compressed parts (lib/decompress.c), and who reads them here. */
static const struct filter {
	const char *name;
	const char *magic;
	size_t magic_length;
	int (*support)(struct archive *archive);
	/* The end that libarchive must be shown; NULL: it finds it. */
	uint64_t (*find_end)(int fd, uint64_t place);
} filters[] = {
	{ "gzip", "\x1f\x8b", 2, archive_read_support_filter_gzip, NULL },
	{ "bzip2", "BZh", 3, archive_read_support_filter_bzip2, NULL },
	{ "lzma", "\x5d\x00\x00", 3, archive_read_support_filter_lzma, NULL },
	{ "xz", "\xfd\x37zXZ\x00", 6, archive_read_support_filter_xz, NULL },
	{ "lzo", "\x89\x4c\x5a\x4f", 4, archive_read_support_filter_lzop, NULL },
	{ "lz4", LZ4_MAGIC, 4, archive_read_support_filter_lz4, find_lz4_end },
	{ "zstd", ZSTD_MAGIC, 4, archive_read_support_filter_zstd, find_zstd_end },
};

static const struct filter *find_filter(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
		if (length >= filters[i].magic_length &&
		    memcmp(bytes, filters[i].magic, filters[i].magic_length) == 0)
			return &filters[i];
	return NULL;
}

/* libarchive's reader, which sees the image up to an end only. */
struct input {
	int fd;
	uint64_t place;
	uint64_t end;
	unsigned char *block; /* of BLOCK_SIZE */
};

static la_ssize_t read_input(struct archive *archive, void *context, const void **ret_block)
{
	struct input *input = context;
	uint64_t left = input->end - input->place;
	ssize_t n = read_at(input->fd, input->block, left < BLOCK_SIZE ? left : BLOCK_SIZE,
			    input->place);

	if (n < 0) {
		archive_set_error(archive, (int)-n, "%s", strerror((int)-n));
		return ARCHIVE_FATAL;
	}
	input->place += (uint64_t)n;
	*ret_block = input->block;
	return n;
}

/* Reads the archives that were compressed as one. `ret_consumed`: their bytes in the image. */
static int take_compressed(struct part *part, const struct filter *filter, struct input *input,
			   const struct image_visitor *visitor, uint64_t *ret_consumed)
{
	struct archive_entry *entry;

	/* ARCHIVE_WARN: libarchive would start a program for it, one of this system's. */
	if (filter->support(part->archive) != ARCHIVE_OK)
		return bad(part, "libarchive cannot read its compression here: ", filter->name);
	if (archive_read_support_format_raw(part->archive) != ARCHIVE_OK)
		return -ENOMEM;
	if (archive_read_open(part->archive, input, NULL, read_input, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(part->archive, &entry) != ARCHIVE_OK)
		return bad(part, "it cannot be uncompressed: ", archive_text(part->archive));
	int r;
	do {
		r = take_archive(part, visitor);
		if (r == 0)
			r = skip_zeros(part);
	} while (r > 0);
	*ret_consumed = (uint64_t)archive_filter_bytes(part->archive, -1);
	return r == 0 && *ret_consumed == 0 ? bad(part, "it has no end", "") : r;
}

static int open_and_take(struct part *part, const struct filter *filter,
			 const struct image_visitor *visitor)
{
	AUTO_FREE unsigned char *block = malloc(BLOCK_SIZE);
	struct input input = { part->fd, part->start, UINT64_MAX, block };
	uint64_t consumed = 0;

	part->archive = archive_read_new();
	if (part->archive == NULL || block == NULL) {
		(void)archive_read_free(part->archive);
		return -ENOMEM;
	}
	if (filter->find_end != NULL)
		input.end = filter->find_end(part->fd, part->start);
	int r = take_compressed(part, filter, &input, visitor, &consumed);
	(void)archive_read_free(part->archive);
	part->archive = NULL;
	part->start += consumed;
	return r;
}

/* Reads the part that begins at part->start and moves that behind it. */
static int take_part(struct part *part, const struct image_visitor *visitor)
{
	const unsigned char *bytes = part->block + part->used;
	size_t length = part->filled - part->used;
	const struct filter *filter = find_filter(bytes, length);

	/* The kernel wants archives that are not compressed at multiples of four. */
	if (bytes[0] == '0' && (part->start & 3) == 0) {
		int r = take_archive(part, visitor);

		part->start += part->position;
		return r;
	}
	if (filter == NULL)
		return bad(part, "it is no archive and not compressed in a known way", "");
	part->used = part->filled;
	return open_and_take(part, filter, visitor);
}

int image_walk(int fd, const struct image_visitor *visitor, char reason[IMAGE_REASON_SIZE])
{
	AUTO_FREE unsigned char *block = malloc(BLOCK_SIZE);
	struct part part = { .fd = fd, .block = block, .reason = reason };
	unsigned count = 0;

	if (block == NULL)
		return -ENOMEM;
	for (;; count++) {
		int r = skip_zeros(&part);

		if (r == 0 && count == 0)
			return bad(&part, "it is empty", "");
		if (r <= 0)
			return r;
		/* A part's own beginning is what cpio aligns to, and what messages name. */
		part.start += part.position;
		part.position = 0;
		ssize_t n = fill(&part);
		r = n > 0 ? take_part(&part, visitor) : (int)n;
		if (r < 0)
			return r;
		part.position = 0;
		part.used = part.filled = 0;
	}
}
