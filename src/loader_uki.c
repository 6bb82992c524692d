// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unified kernel images that others build: a global add-on, which systemd-stub appends to the
 * command line of every image (systemd-stub(7): ESP/loader/addons/NAME.addon.efi).
 */
#include <errno.h>
#include <string.h>

#include "loader_text.h"
#include "loader_ways.h"
#include "text.h"

#define PARENT "loader"
#define ADDONS PARENT "/addons"
#define ADDON "vfio-claim.addon.efi"
#define UKI_CONF "etc/kernel/uki.conf"

/* Directories that we made; the second has the first in it. */
#define CREATED_ADDONS LOADER_CREATED " addons"
#define CREATED_PARENT LOADER_CREATED " loader"

/* What efivarfs shows of the variable: four bytes of attributes, then 1 for "on". */
#define SECURE_BOOT "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* The images of the first partition that has any; *ret_partition is NULL without them. */
static int find_images(const struct root *root, const char **ret_partition,
		       struct names *ret_names)
{
	*ret_partition = NULL;
	for (size_t i = 0; boot_partitions[i] != NULL; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "%s/EFI/Linux", boot_partitions[i]);
		int r = list_files(root, path, ".efi", ret_names);
		if (r < 0)
			return r;
		if (ret_names->count > 0) {
			*ret_partition = boot_partitions[i];
			return 0;
		}
	}
	return 0;
}

bool has_ukis(const struct root *root)
{
	struct names names = { 0 };
	const char *partition;
	int r = find_images(root, &partition, &names);

	names_free(&names);
	return r == 0 && partition != NULL;
}

/* An image that is not one, or has no arguments, has no words. */
static int read_image(const struct root *root, const char *path, bool first, struct view *view)
{
	struct kargs words = { 0 };
	bool is_signed;
	int r = read_pe_cmdline(root, path, &words, &is_signed);

	if (r == -ENOMEM)
		return r;
	r = view_add(view, &words, first);
	kargs_free(&words);
	return r;
}

/* What is sealed into the images; the order of the newest one's words is taken. */
static int read_images(const struct root *root, struct view *ret_view)
{
	struct names names = { 0 };
	struct view view = { 0 };
	const char *partition;
	int r = find_images(root, &partition, &names);

	for (size_t i = names.count; r == 0 && i > 0; i--)
		r = read_image(root, names.items[i - 1], i == names.count, &view);
	names_free(&names);
	if (r < 0)
		view_free(&view);
	else
		*ret_view = view;
	return r;
}

/* The add-on is for every image: what it may leave out is what each of them has. */
static int base_line(const struct root *root, const struct loader_state *before,
		     char **ret_line)
{
	struct view view;
	int r = read_images(root, &view);

	(void)before;
	if (r < 0)
		return r;
	r = kargs_join(&view.common, ret_line);
	view_free(&view);
	return r;
}

/*
 * The words of the add-on. They come last, and of some lists the kernel reads only the last
 * word: what an image has in such a one goes with ours.
 */
static int merge_images(const struct root *root, const struct kargs *arguments,
			struct kargs *ret_words)
{
	struct loader_state merged = { 0 };
	struct view view;
	int r = read_images(root, &view);

	if (r < 0)
		return r;
	r = words_merge(&view.all, arguments, MERGE_LAST_ONLY, &merged);
	view_free(&view);
	if (r == 0)
		r = words_check(&merged.ours);
	kargs_free(&merged.replaced);
	if (r < 0)
		kargs_free(&merged.ours);
	else
		*ret_words = merged.ours;
	return r;
}

/* The paths of the add-on and its directory, relative to the root. -ENOENT without images. */
static int find_addon(const struct root *root, char directory[64], char path[128])
{
	struct names names = { 0 };
	const char *partition;
	int r = find_images(root, &partition, &names);

	names_free(&names);
	if (r < 0)
		return r;
	if (partition == NULL)
		return -ENOENT;
	(void)snprintf(directory, 64, "%s/%s", partition, ADDONS);
	(void)snprintf(path, 128, "%s/%s", directory, ADDON);
	return 0;
}

/* The value of "KEY = VALUE", or NULL: a name that begins so, or nothing behind =. */
static const char *value_of(const char *line, const char *key)
{
	if (strncmp(line, key, strlen(key)) != 0)
		return NULL;
	line += strlen(key);
	line += strspn(line, " \t");
	if (*line++ != '=')
		return NULL;
	line += strspn(line, " \t\r");
	return *line != '\0' && *line != '#' ? line : NULL;
}

/*
 * True when uki.conf names what ukify signs with (ukify(1)): a key, or for pesign the name of a
 * certificate. With one of them it signs or fails.
 */
static bool names_key(const struct root *root)
{
	AUTO_FREE char *text = NULL;
	bool in_section = false;
	const char *line;

	if (read_text(root, UKI_CONF, &text) < 0 || text == NULL)
		return false;
	for (char *rest = text; (line = strsep(&rest, "\n")) != NULL;) {
		if (*line == '[')
			in_section = strncmp(line, "[UKI]", 5) == 0;
		else if (in_section && (value_of(line, "SecureBootPrivateKey") != NULL ||
					value_of(line, "SecureBootCertificateName") != NULL))
			return true;
	}
	return false;
}

/*
 * True when the add-on has just these words, and a signature where ukify can give it one.
 * Without a key another run would make the same again, Secure Boot or not.
 */
static bool is_addon_of(const struct root *root, const char *path, const struct kargs *wanted)
{
	struct kargs words = { 0 };
	bool is_signed;

	if (read_pe_cmdline(root, path, &words, &is_signed) < 0)
		return false;
	bool same = words.count == wanted->count && (is_signed || !names_key(root));
	for (size_t i = 0; same && i < words.count; i++)
		same = strcmp(words.items[i], wanted->items[i]) == 0;
	kargs_free(&words);
	return same;
}

/* Debian and Ubuntu keep ukify in usr/bin, systemd before 255 in usr/lib/systemd. */
static bool find_ukify(const struct root *root, char path[COMMAND_PATH_SIZE])
{
	static const char private[] = "usr/lib/systemd/ukify";

	if (command_find(root, "ukify", path))
		return true;
	(void)snprintf(path, COMMAND_PATH_SIZE, "%s", private);
	return root_has(root, private);
}

static int add_ukify(const struct root *root, const char *path, const struct kargs *arguments,
		     struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	struct text cmdline = { 0 };
	struct text output = { 0 };
	AUTO_FREE char *line = NULL;
	AUTO_FREE char *cmdline_option = NULL;
	AUTO_FREE char *output_option = NULL;

	if (!find_ukify(root, program))
		return -ENOENT;
	int r = kargs_join(arguments, &line);
	if (r < 0)
		return r;
	/* A value that begins with @ is the name of a file to ukify; a blank hides it. */
	text_add(&cmdline, "--cmdline=%s%s", *line == '@' ? " " : "", line);
	text_add(&output, "--output=/%s", path);
	r = text_take(&cmdline, &cmdline_option);
	int s = text_take(&output, &output_option);
	if (r < 0 || s < 0)
		return -ENOMEM;
	/* Keys and certificates are the administrator's to name. */
	bool configured = root_has(root, UKI_CONF);
	return command_lines_add(commands, "add-on for unified kernel images", program, "build",
				 cmdline_option, output_option,
				 configured ? "--config=/" UKI_CONF : NULL, (const char *)NULL);
}

static void parent_of(const char *directory, char out[64])
{
	(void)snprintf(out, 64, "%.*s", (int)(strrchr(directory, '/') - directory), directory);
}

/* Adds the command that makes the add-on's directory, and says in `after` what it makes. */
static int add_directory(const struct root *root, const char *directory,
			 struct command_lines *commands, struct loader_state *after)
{
	char program[COMMAND_PATH_SIZE];
	char parent[64];
	char path[80];
	int r = 0;

	if (root_has(root, directory) || !command_find(root, "mkdir", program))
		return 0;
	parent_of(directory, parent);
	if (!root_has(root, parent))
		r = kargs_add(&after->replaced, CREATED_PARENT);
	if (r == 0)
		r = kargs_add(&after->replaced, CREATED_ADDONS);
	(void)snprintf(path, sizeof(path), "/%s", directory);
	return r < 0 ? r
		     : command_lines_add(commands, "directory for the add-on", program, "-p",
					 path, (const char *)NULL);
}

/* Removes the add-on; it is no text, so a tool does it. */
static int remove_addon(const struct root *root, const char *path,
			struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	char whole[160];

	if (!root_has(root, path) || !command_find(root, "rm", program))
		return 0;
	(void)snprintf(whole, sizeof(whole), "/%s", path);
	return command_lines_add(commands, "removal of the add-on", program, "-f", whole,
				 (const char *)NULL);
}

static int prepare(const struct root *root, const struct kargs *arguments,
		   const struct loader_state *before, struct changes *changes,
		   struct command_lines *commands, struct loader_state *ret_after)
{
	char directory[64];
	char path[128];
	int r = find_addon(root, directory, path);

	(void)changes;
	for (size_t i = 0; r == 0 && i < before->replaced.count; i++)
		r = kargs_add(&ret_after->replaced, before->replaced.items[i]);
	if (r == 0)
		r = merge_images(root, arguments, &ret_after->ours);
	if (r == 0 && arguments->count == 0) {
		r = remove_addon(root, path, commands);
	} else if (r == 0 && !is_addon_of(root, path, &ret_after->ours)) {
		r = add_directory(root, directory, commands, ret_after);
		if (r == 0)
			r = add_ukify(root, path, &ret_after->ours, commands);
	}
	return r;
}

/* systemd-stub puts the add-on's words behind those of the image. */
static int raise_to_image(const struct root *root, const char *path, const struct kargs *added,
			  size_t *length)
{
	struct kargs words = { 0 };
	bool is_signed;
	int r = read_pe_cmdline(root, path, &words, &is_signed);

	/* As in read_image(). */
	if (r != -ENOMEM)
		r = 0;
	for (size_t i = 0; r == 0 && i < added->count; i++)
		r = kargs_append(&words, added->items[i]);
	if (r == 0)
		r = line_raise(&words, length);
	kargs_free(&words);
	return r;
}

static int longest_line(const struct root *root, const struct loader_state *before,
			const struct loader_state *after, size_t *ret_length)
{
	struct names names = { 0 };
	const char *partition;
	int r = find_images(root, &partition, &names);

	(void)before;
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = raise_to_image(root, names.items[i], &after->ours, ret_length);
	names_free(&names);
	return r;
}

static int revert(const struct root *root, const struct loader_state *before,
		  struct changes *changes, struct command_lines *commands)
{
	char program[COMMAND_PATH_SIZE];
	char directory[64];
	char path[128];
	char parent[64];
	char first[80];
	char second[80];
	int r = find_addon(root, directory, path);

	(void)changes;
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = remove_addon(root, path, commands);
	if (r < 0 || !kargs_has(&before->replaced, CREATED_ADDONS) ||
	    !root_has(root, directory) || !command_find(root, "rmdir", program))
		return r;
	parent_of(directory, parent);
	(void)snprintf(first, sizeof(first), "/%s", directory);
	(void)snprintf(second, sizeof(second), "/%s", parent);
	return command_lines_add(commands, "removal of its directory", program,
				 "--ignore-fail-on-non-empty", first,
				 kargs_has(&before->replaced, CREATED_PARENT) ? second : NULL,
				 (const char *)NULL);
}

/* Secure Boot of this machine is no matter of a tree. */
static bool is_secure_boot(const struct root *root)
{
	AUTO_FREE char *data = NULL;
	size_t length = 0;

	return root->is_host && root_read(root, SECURE_BOOT, 16, &data, &length) == 0 &&
	       length >= 5 && data[4] == 1;
}

static int verify(const struct root *root, const struct kargs *arguments,
		  struct sentences *problems)
{
	char directory[64];
	char path[128];
	struct kargs words = { 0 };
	bool is_signed = false;
	int r = find_addon(root, directory, path);

	if (r == -ENOENT || arguments->count == 0)
		return 0;
	if (r == 0)
		r = read_pe_cmdline(root, path, &words, &is_signed);
	if (r == -ENOENT || r == -EBADMSG)
		return sentences_add(problems, "%s %s", path,
				     r == -ENOENT ? "is missing"
						  : "is no add-on: it has no arguments");
	if (r == 0)
		r = verify_words(path, &words, arguments, problems);
	if (r == 0 && !is_signed && is_secure_boot(root))
		r = sentences_add(problems,
				  "%s is not signed, and Secure Boot is on: name a key and a "
				  "certificate in /%s and run vfio-claim apply again",
				  path, UKI_CONF);
	kargs_free(&words);
	return r;
}

/* The add-on counts for them all. */
static int count_entries(const struct root *root, size_t *ret_count)
{
	char directory[64];
	char path[128];
	int r = find_addon(root, directory, path);

	if (r == 0)
		*ret_count = root_has(root, path) ? 1 : 0;
	return r == -ENOENT ? 0 : r;
}

const struct loader_way loader_uki_addon = {
	.base_line = base_line,
	.prepare = prepare,
	.longest_line = longest_line,
	.revert = revert,
	.verify = verify,
	.entries = count_entries,
};
