// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * User data for cloud-init, and the same for the machines of a Juju model. Both carry the
 * configuration in base64, so that nothing in it can end a string of YAML or of the shell, and one
 * script that does nothing in a container or on a machine without the devices.
 *
 * Juju adds what cloudinit-userdata has to user data of its own (juju: cloudconfig,
 * userdatacfg_unix.go; environs/config): packages, preruncmd and postruncmd are added, users,
 * runcmd and bootcmd are refused, and any other key, write_files too, takes the place of Juju's
 * own. postruncmd alone is used.
 */
#include <errno.h>
#include <string.h>

#include "base64.h"
#include "exports.h"

/* In memory, and gone with the boot: nothing stays where nothing is to be done. */
#define STAGE "/run/vfio-claim-export"

enum { PACKAGE_MOST = 255, INDENT = 8 };

/* What a script's part is written with: `indent` blanks before each line that has anything. */
static void add_lines(struct text *text, int indent, const char *lines)
{
	while (*lines != '\0') {
		int length = (int)strcspn(lines, "\n");

		text_add(text, "%*s%.*s\n", length > 0 ? indent : 0, "", length, lines);
		lines += length + (lines[length] == '\n');
	}
}

/* A package's name, or the path of a file on the machine. */
static int check_package(const char *package, struct text *ret_reason)
{
	bool file = *package == '/';

	if (is_plain_word(package, PACKAGE_MOST, file ? "._+~-/" : "._+~-") && *package != '-')
		return 0;
	text_add(ret_reason,
		 "--package is the name of a package, or a path with a / before it, "
		 "out of letters, digits and ._+~-/");
	return -EINVAL;
}

static int check_paths(const struct exports *exports, struct text *ret_reason)
{
	if (exports->file_count == 0) {
		text_add(ret_reason, "there is no configuration to carry: write "
				     "/etc/vfio-claim.conf, see vfio-claim.conf(5)");
		return -EPERM;
	}
	for (size_t i = 0; i < exports->file_count; i++)
		if (!is_plain_word(exports->files[i].path, PACKAGE_MOST, "/._+~-@%=:,")) {
			text_add(ret_reason,
				 "%s has another character in its name than letters, "
				 "digits and /._+~-@%%=:, ; rename the file",
				 exports->files[i].path);
			return -EPERM;
		}
	return 0;
}

/* What gets installed: a package's name, or a path. */
static const char *package_of(const struct exports *exports)
{
	return exports->options->package ? exports->options->package : "vfio-claim";
}

/* Whether all words that go into the script may stand there. */
static int check_words(const struct exports *exports, struct text *ret_reason)
{
	int r = check_package(package_of(exports), ret_reason);

	return r < 0 ? r : check_paths(exports, ret_reason);
}

/* --- The script -------------------------------------------------------------------------- */

static void add_begin(struct text *text, int indent)
{
	add_lines(text, indent,
		  "set -eu\n"
		  "stage=" STAGE "\n"
		  "# A container has no devices of its own.\n"
		  "if systemd-detect-virt --quiet --container; then\n"
		  "    rm -rf \"$stage\"\n"
		  "    echo 'vfio-claim: this is a container, nothing is changed'\n"
		  "    exit 0\n"
		  "fi\n");
}

static void add_install(struct text *text, int indent, const char *package)
{
	add_lines(text, indent,
		  "if ! command -v vfio-claim >/dev/null; then\n"
		  "    if command -v apt-get >/dev/null; then\n"
		  "        export DEBIAN_FRONTEND=noninteractive\n"
		  "        apt-get -q -o DPkg::Lock::Timeout=300 update\n");
	text_add(text, "%*sapt-get -q -y -o DPkg::Lock::Timeout=300 install %s\n",
		 indent + INDENT, "", package);
	add_lines(text, indent, "    else\n");
	text_add(text, "%*sdnf -q -y install %s\n", indent + INDENT, "", package);
	add_lines(text, indent,
		  "    fi\n"
		  "fi\n");
}

static void add_question(struct text *text, int indent)
{
	add_lines(text, indent,
		  "# A machine without the devices stays as it is.\n"
		  "found=no\n"
		  "for file in \"$stage\"/*.conf; do\n"
		  "    vfio-claim check --config \"$file\"\n"
		  "    if vfio-claim list --claimed --config \"$file\"; then\n"
		  "        found=yes\n"
		  "    fi\n"
		  "done\n"
		  "if [ \"$found\" = no ]; then\n"
		  "    rm -rf \"$stage\"\n"
		  "    echo 'vfio-claim: none of the devices is here, nothing is changed'\n"
		  "    exit 0\n"
		  "fi\n"
		  "# What would take the machine down is refused before anything is written.\n"
		  "for file in \"$stage\"/*.conf; do\n"
		  "    code=0\n"
		  "    vfio-claim plan --config \"$file\" || code=$?\n"
		  "    if [ \"$code\" -ge 3 ]; then\n"
		  "        exit \"$code\"\n"
		  "    fi\n"
		  "done\n");
}

static void add_script(struct text *text, int indent, const struct exports *exports,
		       const char *package)
{
	add_install(text, indent, package);
	add_question(text, indent);
	for (size_t i = 0; i < exports->file_count; i++)
		text_add(text, "%*sinstall -D -m 0644 \"$stage/%zu.conf\" '%s'\n", indent, "",
			 i + 1, exports->files[i].path);
	add_lines(text, indent,
		  "rm -rf \"$stage\"\n"
		  "vfio-claim apply\n");
}

/* --- Comments ---------------------------------------------------------------------------- */

/* The files in clear, for who reads it. */
static void add_files_comment(struct text *text, const char *prefix,
			      const struct exports *exports)
{
	for (size_t i = 0; i < exports->file_count; i++) {
		const char *line = exports->files[i].text;

		text_add(text, "%s\n", prefix);
		text_add(text, "%s %s:\n", prefix, exports->files[i].path);
		while (*line != '\0') {
			size_t length = strcspn(line, "\n");

			text_add(text, "%s%s", prefix, length > 0 ? "     " : "");
			for (size_t c = 0; c < length; c++)
				text_add(text, "%c",
					 line[c] >= ' ' && line[c] <= '~' ? line[c] : '?');
			text_add(text, "\n");
			line += length + (line[length] == '\n');
		}
	}
}

static void add_what(struct text *text, const char *package)
{
	text_add_comment_f(
		text, "# ",
		"It installs %s, writes the configuration and runs `vfio-claim apply`. In a "
		"container it does nothing. On a machine that has none of the devices it does "
		"no "
		"more than to install the package. What would take from the machine what it "
		"needs "
		"(`vfio-claim plan`, exit code 4) is refused, and nothing is written.",
		package);
}

/* --- cloud-init -------------------------------------------------------------------------- */

static void add_write_files(struct text *text, const struct exports *exports)
{
	text_add(text, "write_files:\n");
	for (size_t i = 0; i < exports->file_count; i++) {
		text_add(text,
			 "  - path: " STAGE "/%zu.conf\n"
			 "    owner: root:root\n"
			 "    permissions: '0644'\n"
			 "    encoding: b64\n"
			 "    content: ",
			 i + 1);
		text_add_base64(text, exports->files[i].text, strlen(exports->files[i].text));
		text_add(text, "\n");
	}
}

static void add_power_state(struct text *text)
{
	text_add(text, "power_state:\n"
		       "  mode: reboot\n"
		       "  message: vfio-claim reboots once, to have the devices claimed\n"
		       "  condition: >-\n"
		       "    command -v vfio-claim >/dev/null &&\n"
		       "    vfio-claim status --reboot-due\n");
}

int export_cloud_init(const struct exports *exports, struct text *ret_text,
		      struct text *ret_reason)
{
	const char *package = package_of(exports);
	int r = check_words(exports, ret_reason);

	if (r < 0)
		return r;
	text_add(ret_text, "#cloud-config\n");
	text_add_comment(ret_text, "# ", "User data for cloud-init, by vfio-claim export.");
	text_add_comment(ret_text, "#", "");
	add_what(ret_text, package);
	text_add_comment(
		ret_text, "# ",
		"Then cloud-init reboots, once for an instance, and only if `vfio-claim "
		"status` says that a reboot is due.");
	add_files_comment(ret_text, "#", exports);
	add_write_files(ret_text, exports);
	text_add(ret_text, "runcmd:\n  - - sh\n    - -c\n    - |\n");
	add_begin(ret_text, INDENT);
	add_script(ret_text, INDENT, exports, package);
	add_power_state(ret_text);
	return 0;
}

/* --- Juju -------------------------------------------------------------------------------- */

static void add_stage(struct text *text, int indent, const struct exports *exports)
{
	add_lines(text, indent, "mkdir -p \"$stage\"\n");
	for (size_t i = 0; i < exports->file_count; i++) {
		text_add(text, "%*sbase64 -d >\"$stage/%zu.conf\" <<END\n%*s", indent, "",
			 i + 1, indent, "");
		text_add_base64(text, exports->files[i].text, strlen(exports->files[i].text));
		text_add(text, "\n%*sEND\n", indent, "");
	}
}

int export_juju(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	enum { DEEP = 2 * INDENT - 4 };
	const char *package = package_of(exports);
	int r = check_words(exports, ret_reason);

	if (r < 0)
		return r;
	text_add_comment(
		ret_text, "# ",
		"Model config of Juju, by vfio-claim export: `juju model-config --file FILE` "
		"(Juju 2.9: without --file), or --config FILE of `juju add-model`.");
	text_add_comment(ret_text, "#", "");
	text_add_comment(
		ret_text, "# ",
		"Every machine that Juju then adds to the model runs it when Juju's own "
		"commands are done. It has postruncmd only: Juju refuses users, runcmd and "
		"bootcmd, and write_files would replace Juju's own. A model's "
		"cloudinit-userdata is one value: what is there already is to be merged in.");
	text_add_comment(ret_text, "#", "");
	add_what(ret_text, package);
	text_add_comment(
		ret_text, "# ",
		"Juju gives it to containers on the machines too. Then the machine reboots "
		"in a minute, if `vfio-claim status` says that a reboot is due.");
	add_files_comment(ret_text, "#", exports);
	text_add(ret_text, "cloudinit-userdata: |\n"
			   "  postruncmd:\n"
			   "    - - sh\n"
			   "      - -c\n"
			   "      - |\n");
	add_begin(ret_text, DEEP);
	add_stage(ret_text, DEEP, exports);
	add_script(ret_text, DEEP, exports, package);
	add_lines(ret_text, DEEP,
		  "if vfio-claim status --reboot-due; then\n"
		  "    shutdown -r +1 'vfio-claim reboots once, to have the devices claimed'\n"
		  "fi\n");
	return 0;
}
