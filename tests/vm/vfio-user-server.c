/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual PCI functions for QEMU's vfio-user-pci device, and a log of every
 * access to their registers.
 *
 * One process serves every function of its spec file, each on its own Unix
 * socket.  The functions do nothing: BARs read as zero and forget writes.
 * What matters is the log, which shows whether a driver has touched a device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	CONFIG_SIZE = 4096,
	N_BARS = 6,
	N_REGIONS = 9,
	N_IRQS = 5,
	REGION_CONFIG = 7,
	MAX_FUNCTIONS = 64,
	MAX_FDS = 16,
	MAX_MESSAGE = 65536,
	NAME_LENGTH = 32,
};

/* Commands of the vfio-user protocol, those that QEMU sends. */
enum {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_DEVICE_GET_INFO = 4,
	CMD_GET_REGION_INFO = 5,
	CMD_GET_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_DEVICE_RESET = 13,
};

enum {
	FLAG_REPLY = 0x01,
	FLAG_NO_REPLY = 0x10,
	FLAG_ERROR = 0x20,
};

/* Every field is little-endian on the wire; so are the machines it runs on. */
struct header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* with this header */
	uint32_t flags;
	uint32_t error;
};

struct region_info {
	uint32_t argsz, flags, index, cap_offset;
	uint64_t size, offset;
};

struct irq_info {
	uint32_t argsz, flags, index, count;
};

struct region_access {
	uint64_t offset;
	uint32_t region, count;
};

struct function {
	char name[NAME_LENGTH];
	uint64_t bar_size[N_BARS];
	bool has_msi;
	uint8_t config[CONFIG_SIZE];
	uint8_t writable[CONFIG_SIZE]; /* which bits of config keep a write */
	unsigned int next_capability;  /* where the next one goes */
	unsigned int last_link;	       /* the link that will point at it */
	int listener, client;	       /* -1 when closed */
};

struct server {
	struct function functions[MAX_FUNCTIONS];
	size_t n_functions;
	FILE *log;
};

struct message {
	struct header header;
	uint8_t payload[MAX_MESSAGE];
	size_t length; /* of the payload */
};

/* Where in the spec file, for errors. */
struct position {
	const char *path;
	unsigned int line;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* ---- Config space ---- */

static void config_put(struct function *f, unsigned int offset, uint32_t value,
		       unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		f->config[offset + i] = (uint8_t)(value >> (8 * i));
}

static void config_allow(struct function *f, unsigned int offset, uint32_t mask,
			 unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		f->writable[offset + i] = (uint8_t)(mask >> (8 * i));
}

/* Links a capability of `size` bytes into the list and says where it is. */
static unsigned int add_capability(struct function *f, uint8_t id, unsigned int size)
{
	unsigned int at = f->next_capability;

	f->config[f->last_link] = (uint8_t)at;
	f->config[at] = id;
	f->last_link = at + 1;
	f->next_capability = at + ((size + 3) & ~3u);
	config_put(f, 0x06, 0x0010, 2); /* status: there is a list */
	return at;
}

static void add_power_management(struct function *f)
{
	unsigned int at = add_capability(f, 0x01, 8);

	config_put(f, at + 2, 0x0003, 2); /* version 3 */
	config_put(f, at + 4, 0x0008, 2); /* no soft reset */
	config_allow(f, at + 4, 0x0003, 2);
}

static void add_msi(struct function *f)
{
	unsigned int at = add_capability(f, 0x05, 14);

	config_put(f, at + 2, 0x0080, 2); /* one vector, 64-bit addresses */
	config_allow(f, at + 2, 0x0001, 2);
	config_allow(f, at + 4, 0xfffffffc, 4);
	config_allow(f, at + 8, 0xffffffff, 4);
	config_allow(f, at + 12, 0xffff, 2);
	f->has_msi = true;
}

/* Without it, QEMU would not put the function behind a root port. */
static void add_pci_express(struct function *f)
{
	unsigned int at = add_capability(f, 0x10, 60);

	config_put(f, at + 2, 0x0002, 2);      /* version 2, endpoint */
	config_put(f, at + 4, 0x00008000, 4);  /* role-based error reporting */
	config_put(f, at + 12, 0x00000011, 4); /* link: 2.5 GT/s, one lane */
	config_put(f, at + 18, 0x0011, 2);
	config_allow(f, at + 8, 0x00ff, 2);
}

static void function_init(struct function *f)
{
	*f = (struct function){
		.listener = -1,
		.client = -1,
		.next_capability = 0x40,
		.last_link = 0x34,
	};
	config_put(f, 0x3d, 1, 1); /* INTA */
	config_allow(f, 0x04, 0x0547, 2);
	config_allow(f, 0x0c, 0xff, 1);
	config_allow(f, 0x3c, 0xff, 1);
}

/* ---- The spec file ---- */

__attribute__((format(printf, 2, 3))) static bool
spec_error(const struct position *where, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%u: ", where->path, where->line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return false;
}

static bool parse_hex(const char *text, unsigned int digits, uint32_t *ret)
{
	char *end;

	if (!text || strspn(text, "0123456789abcdefABCDEF") != strlen(text) ||
	    strlen(text) != digits)
		return false;
	*ret = (uint32_t)strtoul(text, &end, 16);
	return true;
}

/* "10de:1c30" */
static bool parse_pair(char *text, uint32_t *ret_first, uint32_t *ret_second)
{
	char *rest = NULL;
	const char *first = text ? strtok_r(text, ":", &rest) : NULL;

	return parse_hex(first, 4, ret_first) && parse_hex(rest, 4, ret_second);
}

/* "128", "16K", "256M", "1G": a power of two, as a BAR is. */
static bool parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMG";
	uint64_t size;
	char *end;

	if (!text || *text < '1' || *text > '9')
		return false;
	errno = 0;
	size = strtoull(text, &end, 10);
	if (*end) {
		const char *unit = strchr(units, *end);

		if (!unit || end[1] || size > UINT32_MAX)
			return false;
		size <<= 10 * (unit - units + 1);
	}
	if (errno || size < 16 || (size & (size - 1)))
		return false;
	*ret = size;
	return true;
}

static bool set_id(struct function *f, char *arguments, const struct position *where)
{
	uint32_t vendor, device;

	if (!parse_pair(arguments, &vendor, &device))
		return spec_error(where, "id wants VVVV:DDDD");
	config_put(f, 0x00, vendor, 2);
	config_put(f, 0x02, device, 2);
	return true;
}

static bool set_subsystem(struct function *f, char *arguments,
			  const struct position *where)
{
	uint32_t vendor, device;

	if (!parse_pair(arguments, &vendor, &device))
		return spec_error(where, "subsystem wants VVVV:DDDD");
	config_put(f, 0x2c, vendor, 2);
	config_put(f, 0x2e, device, 2);
	return true;
}

static bool set_class(struct function *f, char *arguments, const struct position *where)
{
	uint32_t class;

	if (!parse_hex(arguments, 6, &class))
		return spec_error(where, "class wants six hexadecimal digits");
	config_put(f, 0x09, class, 3);
	return true;
}

static bool set_revision(struct function *f, char *arguments,
			 const struct position *where)
{
	uint32_t revision;

	if (!parse_hex(arguments, 2, &revision))
		return spec_error(where, "revision wants two hexadecimal digits");
	config_put(f, 0x08, revision, 1);
	return true;
}

static bool set_multifunction(struct function *f, char *arguments,
			      const struct position *where)
{
	if (*arguments)
		return spec_error(where, "multifunction wants nothing after it");
	f->config[0x0e] |= 0x80;
	return true;
}

/* The low bits of a BAR, from the words after its size. */
static bool parse_bar_flags(char **rest, uint32_t *ret, const struct position *where)
{
	static const struct {
		const char *name;
		uint32_t bits;
	} flags[] = { { "mem32", 0x0 }, { "mem64", 0x4 }, { "io", 0x1 }, { "prefetch", 0x8 } };
	uint32_t bits = 0;

	for (const char *word; (word = strtok_r(NULL, " \t", rest));) {
		size_t i = 0;

		while (i < ARRAY_SIZE(flags) && strcmp(word, flags[i].name) != 0)
			i++;
		if (i == ARRAY_SIZE(flags))
			return spec_error(where, "unknown BAR flag '%s'", word);
		bits |= flags[i].bits;
	}
	if ((bits & 0x1) && bits != 0x1)
		return spec_error(where, "an io BAR takes no other flag");
	*ret = bits;
	return true;
}

/* bar N SIZE mem32|mem64|io [prefetch] */
static bool set_bar(struct function *f, char *arguments, const struct position *where)
{
	char *rest = NULL;
	const char *index = strtok_r(arguments, " \t", &rest);
	const char *size = strtok_r(NULL, " \t", &rest);
	uint32_t bar, bits = 0;
	uint64_t bytes;

	if (!parse_hex(index, 1, &bar) || bar >= N_BARS)
		return spec_error(where, "bar wants an index from 0 to 5");
	if (!parse_size(size, &bytes))
		return spec_error(where, "bar %u wants a size that is a power of two", bar);
	if (!parse_bar_flags(&rest, &bits, where))
		return false;
	if ((bits & 0x4) && bar == N_BARS - 1)
		return spec_error(where, "bar 5 has no room for 64 bits");
	f->bar_size[bar] = bytes;
	config_put(f, 0x10 + 4 * bar, bits, 4);
	return true;
}

static bool set_capabilities(struct function *f, char *arguments,
			     const struct position *where)
{
	static const struct {
		const char *name;
		void (*add)(struct function *f);
	} known[] = {
		{ "pm", add_power_management },
		{ "msi", add_msi },
		{ "pcie", add_pci_express },
	};
	char *rest = NULL;

	for (char *word = strtok_r(arguments, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(known) && strcmp(word, known[i].name) != 0)
			i++;
		if (i == ARRAY_SIZE(known))
			return spec_error(where, "unknown capability '%s'", word);
		if (f->next_capability > 0xc0)
			return spec_error(where, "too many capabilities");
		known[i].add(f);
	}
	return true;
}

static bool new_function(struct server *s, const char *name, const struct position *where)
{
	struct function *f = &s->functions[s->n_functions];

	if (!*name || strlen(name) >= NAME_LENGTH || strpbrk(name, "/ \t"))
		return spec_error(where, "function wants a short name");
	for (size_t i = 0; i < s->n_functions; i++)
		if (strcmp(s->functions[i].name, name) == 0)
			return spec_error(where, "a second function '%s'", name);
	if (s->n_functions == MAX_FUNCTIONS)
		return spec_error(where, "more than %d functions", MAX_FUNCTIONS);
	function_init(f);
	memcpy(f->name, name, strlen(name) + 1);
	s->n_functions++;
	return true;
}

static bool parse_line(struct server *s, char *line, const struct position *where)
{
	static const struct {
		const char *name;
		bool (*set)(struct function *f, char *arguments,
			    const struct position *where);
	} keys[] = {
		{ "id", set_id },
		{ "subsystem", set_subsystem },
		{ "class", set_class },
		{ "revision", set_revision },
		{ "bar", set_bar },
		{ "capabilities", set_capabilities },
		{ "multifunction", set_multifunction },
	};
	char *rest = NULL;
	const char *key = strtok_r(line, " \t", &rest);

	if (!key)
		return true;
	rest += strspn(rest, " \t");
	if (strcmp(key, "function") == 0)
		return new_function(s, rest, where);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(key, keys[i].name) != 0)
			continue;
		if (s->n_functions == 0)
			return spec_error(where, "'%s' before the first function", key);
		return keys[i].set(&s->functions[s->n_functions - 1], rest, where);
	}
	return spec_error(where, "unknown word '%s'", key);
}

static void trim(char *line)
{
	size_t length = strcspn(line, "#\n");

	while (length && strchr(" \t", line[length - 1]))
		length--;
	line[length] = '\0';
}

/* Reads the whole spec, so that one run shows every error in it. */
static bool read_spec(struct server *s, const char *path)
{
	struct position where = { .path = path };
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool good = true;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	while (getline(&line, &size, file) >= 0) {
		where.line++;
		trim(line);
		if (!parse_line(s, line, &where))
			good = false;
	}
	if (good && s->n_functions == 0)
		good = spec_error(&where, "no function");
	free(line);
	fclose(file);
	return good;
}

/* ---- The log ---- */

static void log_access(const struct server *s, const struct function *f, char what,
		       const struct region_access *access, const uint8_t *data)
{
	uint64_t value = 0;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (uint32_t i = access->count < 8 ? access->count : 8; i > 0; i--)
		value = value << 8 | data[i - 1];
	fprintf(s->log, "%lld.%06ld %s %c %" PRIu32 " 0x%" PRIx64 " %" PRIu32 " 0x%" PRIx64 "\n",
		(long long)now.tv_sec, now.tv_nsec / 1000, f->name, what, access->region,
		access->offset, access->count, value);
	fflush(s->log);
}

/* ---- The protocol ---- */

static bool send_all(int fd, const void *data, size_t length)
{
	const uint8_t *at = data;

	while (length) {
		ssize_t n = send(fd, at, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR && !stopped)
			continue;
		if (n <= 0)
			return false;
		at += n;
		length -= (size_t)n;
	}
	return true;
}

static bool reply(const struct function *f, const struct message *request,
		  const void *payload, size_t length)
{
	struct header header = request->header;

	if (request->header.flags & FLAG_NO_REPLY)
		return true;
	header.size = (uint32_t)(sizeof(header) + length);
	header.flags = FLAG_REPLY;
	header.error = 0;
	return send_all(f->client, &header, sizeof(header)) &&
	       send_all(f->client, payload, length);
}

static bool reply_error(const struct function *f, const struct message *request, int error)
{
	struct header header = request->header;

	if (request->header.flags & FLAG_NO_REPLY)
		return true;
	header.size = sizeof(header);
	header.flags = FLAG_REPLY | FLAG_ERROR;
	header.error = (uint32_t)error;
	return send_all(f->client, &header, sizeof(header));
}

static bool do_version(const struct function *f, const struct message *m)
{
	static const char capabilities[] =
		"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576,"
		"\"max_dma_maps\":65535,\"pgsizes\":4096}}";
	uint8_t answer[4 + sizeof(capabilities)];

	if (m->length < 4)
		return reply_error(f, m, EINVAL);
	memcpy(answer, m->payload, 4);
	memcpy(answer + 4, capabilities, sizeof(capabilities));
	return reply(f, m, answer, sizeof(answer));
}

static bool do_dma_unmap(const struct function *f, const struct message *m)
{
	if (m->length < 24)
		return reply_error(f, m, EINVAL);
	return reply(f, m, m->payload, 24);
}

static bool do_device_info(const struct function *f, const struct message *m)
{
	const uint32_t info[4] = {
		sizeof(info), /* argsz */
		3,	      /* flags: can be reset, is a PCI device */
		N_REGIONS,
		N_IRQS,
	};

	return reply(f, m, info, sizeof(info));
}

static uint64_t region_size(const struct function *f, uint32_t region)
{
	if (region < N_BARS)
		return f->bar_size[region];
	return region == REGION_CONFIG ? CONFIG_SIZE : 0;
}

static bool do_region_info(const struct function *f, const struct message *m)
{
	struct region_info info;

	if (m->length < sizeof(info))
		return reply_error(f, m, EINVAL);
	memcpy(&info, m->payload, sizeof(info));
	if (info.index >= N_REGIONS)
		return reply_error(f, m, EINVAL);
	info.argsz = sizeof(info);
	info.size = region_size(f, info.index);
	info.flags = info.size ? 3 : 0; /* readable, writable */
	info.cap_offset = 0;
	info.offset = 0;
	return reply(f, m, &info, sizeof(info));
}

static bool do_irq_info(const struct function *f, const struct message *m)
{
	struct irq_info info;

	if (m->length < sizeof(info))
		return reply_error(f, m, EINVAL);
	memcpy(&info, m->payload, sizeof(info));
	if (info.index >= N_IRQS)
		return reply_error(f, m, EINVAL);
	info.argsz = sizeof(info);
	info.flags = 0;
	info.count = 0;
	if (info.index == 0) { /* INTx: eventfd, maskable, automasked */
		info.flags = 7;
		info.count = 1;
	} else if (info.index == 1 && f->has_msi) { /* MSI: eventfd, not resizable */
		info.flags = 9;
		info.count = 1;
	}
	return reply(f, m, &info, sizeof(info));
}

static bool access_is_valid(const struct function *f, const struct region_access *access)
{
	uint64_t size;

	if (access->region >= N_REGIONS || access->count == 0 ||
	    access->count > MAX_MESSAGE - sizeof(*access))
		return false;
	size = region_size(f, access->region);
	return access->offset <= size && access->count <= size - access->offset;
}

static bool do_read(const struct server *s, const struct function *f,
		    const struct message *m)
{
	static uint8_t answer[MAX_MESSAGE];
	struct region_access access;

	if (m->length < sizeof(access))
		return reply_error(f, m, EINVAL);
	memcpy(&access, m->payload, sizeof(access));
	if (!access_is_valid(f, &access))
		return reply_error(f, m, EINVAL);
	memcpy(answer, &access, sizeof(access));
	if (access.region == REGION_CONFIG)
		memcpy(answer + sizeof(access), f->config + access.offset, access.count);
	else
		memset(answer + sizeof(access), 0, access.count);
	log_access(s, f, 'r', &access, answer + sizeof(access));
	return reply(f, m, answer, sizeof(access) + access.count);
}

static void config_write(struct function *f, const struct region_access *access,
			 const uint8_t *data)
{
	for (uint32_t i = 0; i < access->count; i++) {
		uint8_t *byte = &f->config[access->offset + i];
		uint8_t mask = f->writable[access->offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (data[i] & mask));
	}
}

static bool do_write(const struct server *s, struct function *f, const struct message *m)
{
	const uint8_t *data = m->payload + sizeof(struct region_access);
	struct region_access access;

	if (m->length < sizeof(access))
		return reply_error(f, m, EINVAL);
	memcpy(&access, m->payload, sizeof(access));
	if (!access_is_valid(f, &access) || m->length - sizeof(access) < access.count)
		return reply_error(f, m, EINVAL);
	if (access.region == REGION_CONFIG)
		config_write(f, &access, data);
	log_access(s, f, 'w', &access, data);
	return reply(f, m, &access, sizeof(access));
}

static bool dispatch(const struct server *s, struct function *f, const struct message *m)
{
	switch (m->header.command) {
	case CMD_VERSION:
		return do_version(f, m);
	case CMD_DMA_UNMAP:
		return do_dma_unmap(f, m);
	case CMD_DEVICE_GET_INFO:
		return do_device_info(f, m);
	case CMD_GET_REGION_INFO:
		return do_region_info(f, m);
	case CMD_GET_IRQ_INFO:
		return do_irq_info(f, m);
	case CMD_REGION_READ:
		return do_read(s, f, m);
	case CMD_REGION_WRITE:
		return do_write(s, f, m);
	case CMD_DMA_MAP:
	case CMD_SET_IRQS:
	case CMD_DEVICE_RESET:
		return reply(f, m, NULL, 0);
	default:
		return reply_error(f, m, EINVAL);
	}
}

/* ---- Sockets ---- */

/* The memory and event descriptors that QEMU hands over are of no use here. */
static void close_passed_fds(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		int fds[MAX_FDS];
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > MAX_FDS)
			n = MAX_FDS;
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
}

static bool receive_all(int fd, void *data, size_t length)
{
	uint8_t *at = data;

	while (length) {
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct iovec vector = { .iov_base = at, .iov_len = length };
		struct msghdr message = {
			.msg_iov = &vector,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR && !stopped)
			continue;
		if (n <= 0)
			return false;
		close_passed_fds(&message);
		at += n;
		length -= (size_t)n;
	}
	return true;
}

static bool receive(int fd, struct message *m)
{
	if (!receive_all(fd, &m->header, sizeof(m->header)))
		return false;
	if (m->header.size < sizeof(m->header) ||
	    m->header.size - sizeof(m->header) > sizeof(m->payload))
		return false;
	m->length = m->header.size - sizeof(m->header);
	return receive_all(fd, m->payload, m->length);
}

static bool listen_for(struct function *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s.sock", f->name);
	unlink(address.sun_path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (f->listener < 0 ||
	    bind(f->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(f->listener, 1) < 0) {
		fprintf(stderr, "%s: %s\n", address.sun_path, strerror(errno));
		return false;
	}
	return true;
}

/* A client that stops in the middle of a message must not stop the others. */
static void accept_client(struct function *f)
{
	const struct timeval limit = { .tv_sec = 10 };

	f->client = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	if (f->client < 0)
		return;
	setsockopt(f->client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(f->client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void serve_client(const struct server *s, struct function *f)
{
	static struct message message;

	if (receive(f->client, &message) && dispatch(s, f, &message))
		return;
	close(f->client);
	f->client = -1;
}

/* While a function has a client its listener waits: the next client is served
 * when this one has gone, as after a reboot of the machine. */
static void serve(struct server *s)
{
	struct pollfd polled[MAX_FUNCTIONS];

	while (!stopped) {
		for (size_t i = 0; i < s->n_functions; i++) {
			const struct function *f = &s->functions[i];

			polled[i].fd = f->client >= 0 ? f->client : f->listener;
			polled[i].events = POLLIN;
			polled[i].revents = 0;
		}
		if (poll(polled, s->n_functions, -1) < 0)
			continue; /* a signal: `stopped` says which */
		for (size_t i = 0; i < s->n_functions; i++) {
			struct function *f = &s->functions[i];

			if (!polled[i].revents)
				continue;
			if (f->client < 0)
				accept_client(f);
			else
				serve_client(s, f);
		}
	}
}

static void close_all(struct server *s)
{
	for (size_t i = 0; i < s->n_functions; i++) {
		const struct function *f = &s->functions[i];
		char path[NAME_LENGTH + 8];

		if (f->client >= 0)
			close(f->client);
		if (f->listener < 0)
			continue;
		close(f->listener);
		snprintf(path, sizeof(path), "%s.sock", f->name);
		unlink(path);
	}
}

/* Without SA_RESTART, so that a signal ends a wait. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}

static bool listen_for_all(struct server *s)
{
	for (size_t i = 0; i < s->n_functions; i++)
		if (!listen_for(&s->functions[i]))
			return false;
	return true;
}

static int usage(FILE *to, int status)
{
	fputs("Usage: vfio-user-server SPEC [LOG]\n"
	      "Serves the PCI functions of SPEC, each on NAME.sock in the current\n"
	      "directory, until SIGTERM; says 'ready' once all of them listen.\n"
	      "One line per access goes to LOG (or standard output):\n"
	      "  seconds function r|w region offset size value\n",
	      to);
	return status;
}

int main(int argc, char **argv)
{
	static struct server server;
	bool good;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, EXIT_SUCCESS);
	if (argc < 2 || argc > 3)
		return usage(stderr, 2);
	if (!read_spec(&server, argv[1]))
		return EXIT_FAILURE;
	server.log = argc == 3 ? fopen(argv[2], "ae") : stdout;
	if (!server.log) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
		return EXIT_FAILURE;
	}
	catch_signals();
	good = listen_for_all(&server);
	if (good) {
		fputs("ready\n", stderr);
		serve(&server);
	}
	close_all(&server);
	fclose(server.log);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
