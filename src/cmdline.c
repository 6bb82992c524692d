// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel command line asks of the boot helper. */
#include "cmdline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/* The kernel's own limit on a command line is 2048 to 4096 bytes; the longest counts. */
enum { ARGUMENT_SIZE = 4096, IDS_MOST = 1023 };

static int add_problem(struct cmdline *cmdline, const char *format, ...) PRINTF_LIKE(2, 3);

static int add_problem(struct cmdline *cmdline, const char *format, ...)
{
	char *problem = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&problem, format, args);
	va_end(args);
	if (length < 0)
		return -ENOMEM;
	char **slot = array_grow(&cmdline->problems, cmdline->problem_count, sizeof(*slot));
	if (slot == NULL) {
		free(problem);
		return -ENOMEM;
	}
	*slot = problem;
	cmdline->problem_count++;
	return 0;
}

/* isspace() of the kernel in the C locale (lib/ctype.c): also the carriage return at the end of a
 * line that an editor of another system wrote. */
#define BLANKS " \t\n\v\f\r\xa0"

/*
 * Copies the next argument, quotes removed, and moves *string behind it. Returns false at the
 * end. An argument too long for the buffer is cut; nothing of ours is that long.
 */
static bool next_argument(const char **string, char argument[ARGUMENT_SIZE])
{
	const char *c = *string + strspn(*string, BLANKS);
	bool quoted = false;
	size_t length = 0;

	if (*c == '\0')
		return false;
	for (; *c != '\0' && (quoted || strchr(BLANKS, *c) == NULL); c++) {
		if (*c == '"')
			quoted = !quoted;
		else if (length < ARGUMENT_SIZE - 1)
			argument[length++] = *c;
	}
	argument[length] = '\0';
	*string = c;
	return true;
}

static int add_modules(struct cmdline *cmdline, struct module_list *list, const char *argument,
		       char *value)
{
	char *rest = NULL;

	for (char *word = strtok_r(value, ",", &rest); word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		if (!driver_name_valid(word)) {
			int r = add_problem(cmdline, "%s: '%.60s' is not the name of a module",
					    argument, word);
			if (r < 0)
				return r;
			continue;
		}
		char(*slot)[DRIVER_NAME_SIZE] =
			array_grow(&list->items, list->count, sizeof(*slot));
		if (slot == NULL)
			return -ENOMEM;
		(void)copy_field(*slot, sizeof(*slot), word);
		list->count++;
	}
	return 0;
}

/* Claims of vfio-pci.ids= have a name of their own and do not count. */
static size_t next_number(const struct claims *claims)
{
	size_t number = 1;

	for (size_t i = 0; i < claims->count; i++)
		if (claims->items[i].origin == ORIGIN_ARGUMENT)
			number++;
	return number;
}

static int add_claim(struct cmdline *cmdline, const char *value)
{
	struct selector selector;
	char reason[SELECTOR_TEXT_SIZE];
	char name[CLAIM_NAME_SIZE];

	if (selector_parse(value, true, &selector, reason) < 0)
		return add_problem(cmdline, "rd.vfio-claim=%.80s: %s", value, reason);
	(void)snprintf(name, sizeof(name), "rd.vfio-claim-%zu", next_number(&cmdline->claims));
	struct claim *claim = claims_add(&cmdline->claims, name);
	if (claim == NULL)
		return -ENOMEM;
	claim->origin = ORIGIN_ARGUMENT;
	return claim_add_match(claim, &selector);
}

static bool means_off(const char *value)
{
	return strcmp(value, "0") == 0 || strcmp(value, "no") == 0 || strcmp(value, "off") == 0;
}

static bool means_on(const char *value)
{
	return *value == '\0' || strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 ||
	       strcmp(value, "on") == 0;
}

static int set_switch(struct cmdline *cmdline, const char *value)
{
	if (means_off(value)) {
		cmdline->disabled = true;
		cmdline->disabled_by = "rd.vfio-claim=0";
		return 0;
	}
	cmdline->enabled = true;
	return means_on(value) ? 0 : add_claim(cmdline, value);
}

static int set_debug(struct cmdline *cmdline, const char *value)
{
	if (!means_off(value) && !means_on(value))
		return add_problem(cmdline, "rd.vfio-claim.debug=%.60s: write 1 or 0", value);
	cmdline->debug = means_on(value);
	return 0;
}

/*
 * One field of a vfio-pci.ids= entry: hex, as sscanf's %x reads it, 0x allowed. Moves *string
 * behind it. Returns 0 or -EINVAL.
 */
static int parse_ids_field(const char **string, uint32_t *ret_value)
{
	const char *word = *string;

	if (word[0] == '0' && (word[1] == 'x' || word[1] == 'X'))
		word += 2;
	size_t length = strspn(word, "0123456789abcdefABCDEF");
	*string = word + length;
	return parse_hex(word, length, ret_value);
}

/*
 * Reads one entry as the kernel does: sscanf() stops at what is no number and forgets the rest.
 * Returns how many characters are forgotten, or -EINVAL.
 */
static int parse_ids_entry(const char *entry, struct selector *ret_selector)
{
	/* The defaults of vfio_pci_fill_ids(): any subsystem, class and mask 0 (any class). */
	uint32_t field[6] = { 0, 0, PCI_ANY, PCI_ANY, 0, 0 };
	size_t fields = 0;

	while (fields < 6 && parse_ids_field(&entry, &field[fields]) == 0) {
		fields++;
		if (*entry != ':')
			break;
		entry++;
	}
	bool any = field[0] == PCI_ANY && field[1] == PCI_ANY && field[2] == PCI_ANY &&
		   field[3] == PCI_ANY && field[5] == 0;
	if (fields < 2 || any)
		return -EINVAL;
	for (size_t i = 0; i < 4; i++)
		if (field[i] > 0xffff && field[i] != PCI_ANY)
			return -EINVAL;
	*ret_selector = (struct selector){
		.words = SELECT_IDS | (field[5] & 0xffffff ? SELECT_CLASS : 0U),
		.ids = { field[0], field[1], field[2], field[3] },
		.class_code = field[4] & 0xffffff,
		.class_mask = field[5] & 0xffffff,
	};
	return (int)strlen(entry);
}

static int add_entry(struct cmdline *cmdline, struct claim *claim, const char *entry)
{
	struct selector selector;
	int forgotten = parse_ids_entry(entry, &selector);

	if (forgotten < 0)
		return add_problem(cmdline, "vfio-pci.ids=: '%.64s' is not VVVV:DDDD", entry);
	if (forgotten > 0 &&
	    add_problem(cmdline, "vfio-pci.ids=: the kernel does not read the end of '%.64s'",
			entry) < 0)
		return -ENOMEM;
	return claim_add_match(claim, &selector);
}

static int add_ids(struct cmdline *cmdline, struct claim *claim, char *value)
{
	char *rest = NULL;
	size_t length = strlen(value);

	/* module_param_string() of a char[1024] (drivers/vfio/pci/vfio_pci.c). */
	if (length > IDS_MOST) {
		int r = add_problem(
			cmdline,
			"vfio-pci.ids= has %zu bytes and the kernel takes %d: vfio_pci "
			"will not load; move the IDs into the config",
			length, IDS_MOST);
		if (r < 0)
			return r;
	}
	for (char *entry = strtok_r(value, ",", &rest); entry != NULL;
	     entry = strtok_r(NULL, ",", &rest)) {
		int r = add_entry(cmdline, claim, entry);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Exactly the devices that vfio-pci.ids= names, on vfio-pci itself: as the kernel would. */
static int set_ids(struct cmdline *cmdline, char *value)
{
	struct claim *claim = claims_find(&cmdline->claims, "vfio-pci.ids");

	if (claim != NULL) {
		int r = add_problem(cmdline,
				    "vfio-pci.ids= is given more than once: the last counts");
		if (r < 0)
			return r;
		claim_reset(claim);
	} else {
		claim = claims_add(&cmdline->claims, "vfio-pci.ids");
	}
	if (claim == NULL)
		return -ENOMEM;
	claim->origin = ORIGIN_IDS_ARGUMENT;
	claim->functions = FUNCTIONS_MATCHED;
	(void)copy_field(claim->driver, sizeof(claim->driver), "vfio-pci");
	return add_ids(cmdline, claim, value);
}

/* The length of `name` when `argument` begins with it, - and _ alike as for the kernel; or 0.
 */
static size_t name_length(const char *argument, const char *name)
{
	size_t i = 0;

	for (; name[i] != '\0'; i++) {
		bool alike = argument[i] == '_' && name[i] == '-';

		if (argument[i] != name[i] && !alike)
			return 0;
	}
	return i;
}

static bool is_name(const char *argument, const char *name)
{
	size_t length = name_length(argument, name);

	return length > 0 && argument[length] == '\0';
}

/* The value when `argument` is NAME=VALUE. */
static char *value_of(char *argument, const char *name)
{
	size_t length = name_length(argument, name);

	return length > 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static int read_argument(struct cmdline *cmdline, char *argument)
{
	char *value;

	if ((value = value_of(argument, "rd.vfio-claim")) != NULL)
		return set_switch(cmdline, value);
	if ((value = value_of(argument, "rd.vfio-claim.debug")) != NULL)
		return set_debug(cmdline, value);
	if ((value = value_of(argument, "vfio-pci.ids")) != NULL)
		return set_ids(cmdline, value);
	if ((value = value_of(argument, "rd.driver.pre")) != NULL)
		return add_modules(cmdline, &cmdline->pre, "rd.driver.pre", value);
	if ((value = value_of(argument, "rd.driver.post")) != NULL)
		return add_modules(cmdline, &cmdline->post, "rd.driver.post", value);
	if ((value = value_of(argument, "rd.driver.blacklist")) != NULL)
		return add_modules(cmdline, &cmdline->blacklist, "rd.driver.blacklist", value);
	if (strcmp(argument, "single") == 0)
		cmdline->recovery = "single";
	else if (strcmp(argument, "recovery") == 0)
		cmdline->recovery = "recovery";
	else if (is_name(argument, "rd.vfio-claim.debug"))
		cmdline->debug = true;
	else if (is_name(argument, "rd.vfio-claim"))
		return add_problem(cmdline,
				   "rd.vfio-claim has no value: write =SELECTOR, or =0");
	else if (name_length(argument, "rd.vfio-claim.") > 0)
		return add_problem(cmdline,
				   "'%.60s' is none of vfio-claim's arguments: these are "
				   "rd.vfio-claim= and rd.vfio-claim.debug",
				   argument);
	return 0;
}

/*
 * What ends in '=' must have a value, and not "off" or "none"; other words stand as they are.
 * dracut.cmdline(7), and of dracut the modules that read them: nfs, iscsi, nbd, cifs, fcoe, nvmf,
 * livenet (parse-livenet.sh) with the addresses of url-lib (url-lib.sh); initramfs-tools(7);
 * live-boot(7) and its 9990-cmdline-old; rooturl of cloud-initramfs-tools (rooturl-generator.sh);
 * systemd-import-generator(8).
 */
static const char *const network_words[] = {
	"ip=",
	"BOOTIF=",
	"netroot=",
	"nfsroot=",
	"root=/dev/nfs",
	"root=/dev/cifs",
	"root=nfs",
	"root=iscsi:",
	"root=nbd",
	"root=dhcp",
	"root=cifs:",
	"root=live:http",
	"root=live:nfs",
	"root=live:ftp",
	"root=live:tftp",
	"root=live:torrent",
	"root=http",
	"root=ftp:",
	"root=squash:http",
	"root=tar:http",
	"live.updates=",
	"boot=nfs",
	"BOOT=nfs",
	"IP=",
	"nbdroot=",
	"rd.iscsi.",
	"iscsi_",
	"rd.nvmf.",
	"nvmf.",
	"rd.fcoe",
	"fcoe=",
	"rd.nbd",
	"ISCSI_",
	"fetch=",
	"httpfs=",
	"ftpfs=",
	"netboot=",
	"iscsi=",
	"rd.systemd.pull=",
	NULL,
};

/* A switch of dracut: everything but these is on, also nothing (dracut-lib.sh: getargbool()). */
static bool is_switched_on(const char *argument, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(argument, name, length) != 0)
		return false;
	argument += length;
	return *argument == '\0' ||
	       (*argument == '=' && strcmp(argument, "=0") != 0 &&
		strcmp(argument, "=no") != 0 && strcmp(argument, "=off") != 0);
}

static const char *network_word(const char *argument)
{
	if (is_switched_on(argument, "rd.neednet"))
		return "rd.neednet";
	for (size_t i = 0; network_words[i] != NULL; i++) {
		const char *word = network_words[i];
		size_t length = strlen(word);

		if (strncmp(argument, word, length) != 0)
			continue;
		bool off = strcmp(argument + length, "off") == 0 ||
			   strcmp(argument + length, "none") == 0;
		if (word[length - 1] != '=' || (argument[length] != '\0' && !off))
			return word;
	}
	return NULL;
}

const char *cmdline_network(const char *string)
{
	AUTO_FREE char *argument = calloc(1, ARGUMENT_SIZE);
	const char *found = NULL;

	while (argument != NULL && found == NULL && next_argument(&string, argument))
		found = network_word(argument);
	return found;
}

bool cmdline_next_mount(const char **string, struct mount_entry *entry)
{
	AUTO_FREE char *argument = malloc(ARGUMENT_SIZE);
	const char *value;

	while (argument != NULL && next_argument(string, argument))
		if (((value = value_of(argument, "systemd.mount-extra")) != NULL &&
		     mount_extra_parse(value, false, entry)) ||
		    ((value = value_of(argument, "systemd.swap-extra")) != NULL &&
		     mount_extra_parse(value, true, entry)))
			return true;
	return false;
}

int cmdline_parse(const char *string, struct cmdline *ret_cmdline)
{
	struct cmdline cmdline = { 0 };
	AUTO_FREE char *argument = malloc(ARGUMENT_SIZE);
	int r = argument == NULL ? -ENOMEM : 0;

	cmdline.network_by = cmdline_network(string);
	while (r == 0 && next_argument(&string, argument) && strcmp(argument, "--") != 0)
		r = read_argument(&cmdline, argument);
	if (cmdline.recovery != NULL && !cmdline.enabled && !cmdline.disabled) {
		cmdline.disabled = true;
		cmdline.disabled_by = cmdline.recovery;
	}
	if (r < 0) {
		cmdline_free(&cmdline);
		return r;
	}
	*ret_cmdline = cmdline;
	return 0;
}

void cmdline_free(struct cmdline *cmdline)
{
	claims_free(&cmdline->claims);
	free(cmdline->pre.items);
	free(cmdline->post.items);
	free(cmdline->blacklist.items);
	for (size_t i = 0; i < cmdline->problem_count; i++)
		free(cmdline->problems[i]);
	free(cmdline->problems);
	*cmdline = (struct cmdline){ 0 };
}
