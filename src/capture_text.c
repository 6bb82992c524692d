// SPDX-License-Identifier: GPL-2.0-or-later
/* What a snapshot keeps of files that say more than anybody needs, and its own description. */
#include "capture_text.h"

#include <errno.h>
#include <string.h>

#include "text.h"

enum { COLUMNS_MOST = 16 };

/* Calls `each` for every line, which it may cut to pieces, until it returns false. */
static int filter_lines(const char *text, bool (*each)(char *line, struct text *out),
			char **ret_text)
{
	struct text out = { 0 };
	bool more = true;

	while (more && *text != '\0') {
		size_t length = strcspn(text, "\n");
		AUTO_FREE char *line = strndup(text, length);

		if (line == NULL) {
			text_free(&out);
			return -ENOMEM;
		}
		more = each(line, &out);
		text += length;
		text += *text == '\n' ? 1 : 0;
	}
	return text_take(&out, ret_text);
}

/* Cuts a line into words. Returns how many there are; those beyond `most` are dropped. */
static size_t split(char *line, char **words, size_t most)
{
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t", &rest); word != NULL && count < most;
	     word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	return count;
}

static void join(struct text *out, char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text_add(out, "%s%s", i > 0 ? " " : "", words[i]);
	text_add(out, "\n");
}

/* An empty line ends a processor. */
static bool add_cpuinfo_line(char *line, struct text *out)
{
	static const char *const keys[] = { "processor", "vendor_id",  "cpu family",
					    "model",     "model name", "CPU implementer",
					    "CPU part" };
	size_t length = strcspn(line, "\t:");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strlen(keys[i]) == length && strncmp(line, keys[i], length) == 0)
			text_add(out, "%s\n", line);
	return *line != '\0';
}

int capture_cpuinfo(const char *text, char **ret_text)
{
	return filter_lines(text, add_cpuinfo_line, ret_text);
}

/* "name size users dependants state address [(taints)]" */
static bool add_module_line(char *line, struct text *out)
{
	char *words[COLUMNS_MOST];
	char zero[] = "0x0000000000000000";
	size_t count = split(line, words, COLUMNS_MOST);

	if (count > 5)
		words[5] = zero;
	join(out, words, count);
	return true;
}

int capture_modules(const char *text, char **ret_text)
{
	return filter_lines(text, add_module_line, ret_text);
}

/* "Iface Destination Gateway Flags ..."; the first line is the heading. */
static bool add_route_line(char *line, struct text *out)
{
	char *words[COLUMNS_MOST];
	char zero[] = "00000000";
	size_t count = split(line, words, COLUMNS_MOST);

	if (count > 3 && strcmp(words[0], "Iface") != 0)
		words[2] = zero;
	for (size_t i = 0; i < count; i++)
		text_add(out, "%s%s", i > 0 ? "\t" : "", words[i]);
	text_add(out, "\n");
	return true;
}

int capture_routes(const char *text, char **ret_text)
{
	return filter_lines(text, add_route_line, ret_text);
}

/*
 * "destination length source length gateway metric references uses flags interface"; RTF_LOCAL
 * (include/uapi/linux/ipv6_route.h) marks an address of ours, RTF_ANYCAST one that we answer to.
 */
static bool add_route6_line(char *line, struct text *out)
{
	enum { COLUMNS = 10, GATEWAY = 4, FLAGS = 8 };
	const uint32_t ours = 0x80000000 | 0x00100000;
	char zero[] = "00000000000000000000000000000000";
	char *words[COLUMNS_MOST];
	uint32_t flags;

	if (split(line, words, COLUMNS_MOST) != COLUMNS ||
	    parse_hex(words[FLAGS], strlen(words[FLAGS]), &flags) < 0 || (flags & ours) != 0)
		return true;
	words[GATEWAY] = zero;
	join(out, words, COLUMNS);
	return true;
}

int capture_routes6(const char *text, char **ret_text)
{
	return filter_lines(text, add_route6_line, ret_text);
}

/* mount.cifs(8), mount.davfs(8), and 9p's and afs's like them. */
static bool is_secret(const char *option)
{
	static const char *const names[] = { "user",        "username", "pass",      "password",
					     "passwd",      "pass2",    "password2", "cred",
					     "credentials", "domain",   "secret" };
	size_t length = strcspn(option, "=");

	for (size_t i = 0; option[length] == '=' && i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && strncmp(option, names[i], length) == 0)
			return true;
	return false;
}

/* Takes the options that may hold a secret out, in place; "defaults" when none is left. */
static void clean_options(char *options, struct text *out)
{
	const char *before = "";
	char *rest = NULL;

	for (const char *option = strtok_r(options, ",", &rest); option != NULL;
	     option = strtok_r(NULL, ",", &rest)) {
		if (is_secret(option))
			continue;
		text_add(out, "%s%s", before, option);
		before = ",";
	}
	if (*before == '\0')
		text_add(out, "defaults");
}

/* fstab(5): "source target type options dump pass" */
static bool add_fstab_line(char *line, struct text *out)
{
	char *words[COLUMNS_MOST];
	size_t count = split(line, words, COLUMNS_MOST);

	if (count == 0 || words[0][0] == '#')
		return true;
	for (size_t i = 0; i < count && i < 6; i++) {
		text_add(out, "%s", i > 0 ? " " : "");
		if (i == 3)
			clean_options(words[i], out);
		else
			text_add(out, "%s", words[i]);
	}
	text_add(out, "\n");
	return true;
}

int capture_fstab(const char *text, char **ret_text)
{
	return filter_lines(text, add_fstab_line, ret_text);
}

/* crypttab(5): "name device key options" */
static bool add_crypttab_line(char *line, struct text *out)
{
	char *words[COLUMNS_MOST];
	char masked[] = "masked";
	size_t count = split(line, words, COLUMNS_MOST);

	if (count == 0 || words[0][0] == '#')
		return true;
	if (count > 2 && words[2][0] != '/' && strcmp(words[2], "-") != 0 &&
	    strcmp(words[2], "none") != 0)
		words[2] = masked;
	join(out, words, count < 4 ? count : 4);
	return true;
}

int capture_crypttab(const char *text, char **ret_text)
{
	return filter_lines(text, add_crypttab_line, ret_text);
}

static bool is_number(const char *word)
{
	return word[strspn(word, "0123456789")] == '\0';
}

/* " 24:  123  0  IR-PCI-MSI 512-edge  eth0": a column a processor. The first line names them. */
static bool add_interrupt_line(char *line, struct text *out)
{
	char *rest = NULL;
	const char *name = strtok_r(line, " \t", &rest);

	if (name == NULL || strchr(name, ':') == NULL)
		return true;
	text_add(out, "%s", name);
	for (const char *word = strtok_r(NULL, " \t", &rest); word != NULL;
	     word = strtok_r(NULL, " \t", &rest))
		if (!is_number(word))
			text_add(out, " %s", word);
	text_add(out, "\n");
	return true;
}

int capture_interrupts(const char *text, char **ret_text)
{
	return filter_lines(text, add_interrupt_line, ret_text);
}

/* The value of KEY=VALUE, blanks around the sign or not (systemd.syntax(7)); else NULL. */
static char *value_of(char *line, const char *key)
{
	size_t length = strlen(key);

	if (strncmp(line, key, length) != 0)
		return NULL;
	line += length + strspn(line + length, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/*
 * Only what mount_unit_parse() reads: a line that goes on after a backslash could have any part
 * of the options in it.
 */
static bool add_unit_line(char *line, struct text *out)
{
	static const char *const keys[] = { "What", "Where", "Type" };
	char *at = line + strspn(line, " \t");
	char *value;

	if (*at == '[')
		text_add(out, "%s\n", at);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if ((value = value_of(at, keys[i])) != NULL)
			text_add(out, "%s=%s\n", keys[i], value);
	if ((value = value_of(at, "Options")) != NULL) {
		text_add(out, "Options=");
		clean_options(value, out);
		text_add(out, "\n");
	}
	return true;
}

int capture_unit(const char *text, char **ret_text)
{
	return filter_lines(text, add_unit_line, ret_text);
}

/* "E:KEY=VALUE": systemd, src/libsystemd/sd-device/device-private.c. */
static bool add_udev_line(char *line, struct text *out)
{
	static const char *const keys[] = { "E:ID_FS_USAGE=", "E:ID_FS_TYPE=", "E:ID_FS_UUID=",
					    "E:ID_FS_UUID_SUB=", "E:ID_FS_AMBIVALENT=" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			text_add(out, "%s\n", line);
	return true;
}

int capture_udev(const char *text, char **ret_text)
{
	return filter_lines(text, add_udev_line, ret_text);
}

int capture_info_render(const struct capture_info *info, char **ret_text)
{
	struct text out = { 0 };

	text_add(&out, "FORMAT=%u\nVERSION=%s\n", info->format, info->version);
	if (info->kernel[0] != '\0')
		text_add(&out, "KERNEL=%s\n", info->kernel);
	if (info->machine[0] != '\0')
		text_add(&out, "MACHINE=%s\n", info->machine);
	return text_take(&out, ret_text);
}

static int read_info_line(const char *line, struct capture_info *info)
{
	const struct {
		const char *key;
		char *field;
	} words[] = {
		{ "VERSION=", info->version },
		{ "KERNEL=", info->kernel },
		{ "MACHINE=", info->machine },
	};

	if (strncmp(line, "FORMAT=", 7) == 0)
		return parse_decimal(line + 7, 1, 1000000, &info->format);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t length = strlen(words[i].key);

		if (strncmp(line, words[i].key, length) != 0)
			continue;
		/* The kernel becomes a part of paths. */
		if (line[length] == '.' ||
		    !is_plain_word(line + length, CAPTURE_WORD_SIZE - 1, "._+~:-"))
			return -EBADMSG;
		return copy_field(words[i].field, CAPTURE_WORD_SIZE, line + length);
	}
	return 0;
}

int capture_info_parse(const char *text, struct capture_info *ret_info)
{
	struct capture_info info = { 0 };
	AUTO_FREE char *copy = strdup(text);
	char *rest = NULL;

	if (copy == NULL)
		return -ENOMEM;
	for (const char *line = strtok_r(copy, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (read_info_line(line, &info) < 0)
			return -EBADMSG;
	if (info.format == 0)
		return -EBADMSG;
	*ret_info = info;
	return 0;
}
