// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The boot helper: runs in the initramfs before udev, gives the claimed devices to VFIO and
 * leaves a record. It never stops the boot: whatever happens, it says so and exits 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include "apply.h"
#include "cmdline.h"
#include "log.h"
#include "match.h"
#include "modules.h"
#include "needs.h"
#include "options.h"
#include "plan.h"
#include "record.h"
#include "root.h"
#include "scan.h"
#include "table.h"
#include "udev_rule.h"
#include "version.h"

#define PROGRAM "vfio-claim-boot"
#define RD_BLACKLIST_PATH "etc/modprobe.d/vfio-claim-rd.conf"

enum { CMDLINE_SIZE_MOST = 65536, RECORD_SIZE_MOST = 16 << 20 };

/* Everything of one run; released at one place. */
struct boot {
	struct root root;
	char *command_line;
	struct cmdline cmdline;
	struct claims claims; /* of the table, then of the command line */
	struct snapshot snapshot;
	struct guards guards;
	struct plan plan;
	struct modules *modules;
	struct record record;
};

static void boot_free(struct boot *boot)
{
	record_free(&boot->record);
	plan_free(&boot->plan);
	guards_free(&boot->guards);
	snapshot_free(&boot->snapshot);
	claims_free(&boot->claims);
	cmdline_free(&boot->cmdline);
	modules_close(boot->modules);
	free(boot->command_line);
	root_close(&boot->root);
}

/* Seconds since the kernel started, on the clock of the kernel's log. */
static double uptime(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Libraries included; in KiB (getrusage(2)). */
static long peak_memory(void)
{
	struct rusage usage = { 0 };

	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

static void read_kernel(struct record *record)
{
	struct utsname name;

	if (uname(&name) == 0)
		(void)snprintf(record->kernel, sizeof(record->kernel), "%.64s", name.release);
}

static int read_command_line(struct boot *boot)
{
	size_t length;
	int r = root_read(&boot->root, "proc/cmdline", CMDLINE_SIZE_MOST, &boot->command_line,
			  &length);

	if (r < 0) {
		log_line(LOG_LEVEL_WARNING, "/proc/cmdline cannot be read: %s", strerror(-r));
		boot->command_line = strdup("");
		if (boot->command_line == NULL)
			return -ENOMEM;
	}
	cut_last_newline(boot->command_line);
	boot->record.command_line = boot->command_line;
	return cmdline_parse(boot->command_line, &boot->cmdline);
}

/* A table that is not whole claims nothing: half a list of claims would be a guess. */
static int read_table(struct boot *boot, const char *path)
{
	struct record *record = &boot->record;
	char *data = NULL;
	size_t length = 0;
	int r = root_read(&boot->root, path, TABLE_SIZE_MOST, &data, &length);

	if (r == -ENOENT) {
		record->table = TABLE_MISSING;
		(void)snprintf(record->table_reason, sizeof(record->table_reason),
			       "/%s is not there", path);
	} else if (r < 0) {
		record->table = TABLE_BAD;
		(void)snprintf(record->table_reason, sizeof(record->table_reason),
			       "/%s cannot be read: %s", path, strerror(-r));
	} else {
		r = table_parse(data, length, &boot->claims, record->checksum,
				record->table_reason);
		record->table = r < 0 ? TABLE_BAD : TABLE_OK;
	}
	free(data);
	if (record->table != TABLE_OK)
		log_line(LOG_LEVEL_ERROR,
			 "the claims table of this initramfs claims nothing: %s; run "
			 "'vfio-claim "
			 "check' and rebuild the initramfs",
			 record->table_reason);
	return r == -ENOMEM ? r : 0;
}

static int scan(struct boot *boot)
{
	int r = scan_devices(&boot->root, &boot->snapshot);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_line(LOG_LEVEL_ERROR, "the PCI devices in sysfs cannot be read: %s",
			 strerror(-r));
	snapshot_mark_candidates(&boot->snapshot, &boot->claims);
	scan_candidates(&boot->root, &boot->snapshot);
	for (size_t i = 0; boot->modules != NULL && i < boot->snapshot.count; i++)
		if (boot->snapshot.devices[i].candidate)
			modules_find_variant(boot->modules, &boot->snapshot.devices[i]);
	return 0;
}

static void open_modules(struct boot *boot)
{
	/* A tree is not the running kernel's: the machine trees of the tests have one kernel.
	 */
	int r = modules_open(&boot->root, boot->root.is_host ? NULL : "tree", &boot->modules);

	if (r < 0)
		log_line(LOG_LEVEL_ERROR, "libkmod: %s", strerror(-r));
}

static int load_module(void *context, const char *module, const char *options)
{
	const struct boot *boot = context;
	int r = boot->modules ? modules_load(boot->modules, module, options) : -ENOSYS;

	log_line(LOG_LEVEL_DEBUG, "load %s: %s", module, r < 0 ? strerror(-r) : "done");
	return r;
}

static void write_file(const struct boot *boot, const char *path, const char *text)
{
	int r = root_write_file(&boot->root, path, text);

	if (r < 0)
		log_line(LOG_LEVEL_ERROR, "/%s cannot be written: %s", path, strerror(-r));
}

static void log_device(const struct decision *decision, const struct device_record *device)
{
	char address[PCI_ADDRESS_SIZE];
	char ids[PCI_IDS_SIZE] = "";

	(void)pci_address_format(&decision->address, address);
	if (decision->device != NULL)
		(void)snprintf(ids, sizeof(ids), " %04x:%04x", decision->device->ids.vendor,
			       decision->device->ids.device);
	if (device->outcome == OUTCOME_WAITING)
		log_line(LOG_LEVEL_INFO, "%s%s [%s] waits: %s", address, ids,
			 decision->claim->name, device->reason);
	else if (device->outcome == OUTCOME_REFUSED)
		log_line(LOG_LEVEL_WARNING, "%s%s [%s] refused: %s", address, ids,
			 decision->claim->name, device->reason);
	else if (device->outcome == OUTCOME_FAILED)
		log_line(LOG_LEVEL_ERROR, "%s%s [%s] not on %s: %s", address, ids,
			 decision->claim->name, device->wanted, device->reason);
	else if (*device->before != '\0' && strcmp(device->before, device->after) != 0)
		log_line(LOG_LEVEL_WARNING, "%s%s [%s] claimed by %s, taken from %s", address,
			 ids, decision->claim->name, device->after, device->before);
	else
		log_line(LOG_LEVEL_INFO, "%s%s [%s] claimed by %s", address, ids,
			 decision->claim->name, device->after);
}

/* Before anything is done: a message may be the last one on a display. */
static void log_messages(const struct boot *boot)
{
	for (size_t i = 0; i < boot->cmdline.problem_count; i++)
		log_line(LOG_LEVEL_WARNING, "%s", boot->cmdline.problems[i]);
	for (size_t i = 0; i < boot->plan.message_count; i++)
		log_line(LOG_LEVEL_WARNING, "%s", boot->plan.messages[i]);
}

static void log_devices(const struct boot *boot)
{
	for (size_t i = 0; i < boot->plan.decision_count; i++)
		log_device(&boot->plan.decisions[i], &boot->record.devices[i]);
}

static int write_record(struct boot *boot)
{
	AUTO_FREE char *json = NULL;

	boot->record.finished = uptime();
	boot->record.peak_memory_kib = peak_memory();
	int r = record_render(&boot->record, &boot->plan, &boot->cmdline, &json);
	if (r == 0)
		write_file(boot, RUN_RECORD_PATH, json);
	return r;
}

/* The claims in force, for hot-plugged devices: a udev rule, and the table for --device. */
static int write_claims_in_force(const struct boot *boot)
{
	AUTO_FREE char *rule = NULL;
	AUTO_FREE char *table = NULL;

	if (boot->claims.count == 0)
		return 0;
	int r = udev_rule_render(&boot->claims, &boot->snapshot, &rule);
	if (r == 0)
		r = table_render(&boot->claims, &table);
	if (r < 0)
		return r;
	write_file(boot, RUN_CLAIMS_PATH, table);
	write_file(boot, RUN_UDEV_RULE_PATH, rule);
	return 0;
}

/*
 * rd.driver.blacklist= and rd.driver.post= for initramfs-tools, which does not know them: as in
 * dracut, a modprobe.d file that ends with the initramfs.
 */
static int write_rd_blacklist(const struct boot *boot)
{
	struct text text = { 0 };
	AUTO_FREE char *file = NULL;
	const struct module_list *lists[] = { &boot->cmdline.blacklist, &boot->cmdline.post };

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < lists[i]->count; j++)
			text_add(&text, "blacklist %s\n", lists[i]->items[j]);
	if (text.length == 0)
		return text.error;
	int r = text_take(&text, &file);
	if (r == 0)
		write_file(boot, RD_BLACKLIST_PATH, file);
	return r;
}

static void load_list(struct boot *boot, const char *argument, const struct module_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		int r = load_module(boot, list->items[i], NULL);

		if (r < 0)
			log_line(LOG_LEVEL_WARNING, "%s: the module %s could not be loaded: %s",
				 argument, list->items[i], strerror(-r));
	}
}

/* Sets `*ret_waits` when a claimed device waits for root to be mounted, as sysfs is now. */
static int any_waits(struct boot *boot, bool *ret_waits)
{
	struct plan plan;

	boot->guards.phase = PHASE_EARLY;
	int r = plan_make(&boot->claims, &boot->snapshot, &boot->guards, &plan);
	if (r < 0)
		return r;
	*ret_waits = false;
	for (size_t i = 0; i < plan.decision_count; i++)
		*ret_waits = *ret_waits || plan.decisions[i].verdict == VERDICT_WAIT;
	plan_free(&plan);
	return 0;
}

/* Disks are looked at only where the answer matters: one that is broken may take its time. */
static int find_needs(struct boot *boot, const char *real_root)
{
	bool waits;
	int r = any_waits(boot, &waits);

	boot->guards.phase = PHASE_LATE;
	return r < 0 || !waits ? r
			       : needs_find(&boot->root, real_root, NEEDS_BOOT | NEEDS_NOW,
					    &boot->snapshot, &boot->guards);
}

/*
 * The claims, the devices and what is to be done about them.
 *
 * @real_root: where root is mounted, for the late run; NULL: it is not yet
 */
static int make_plan(struct boot *boot, const char *table_path, const char *real_root)
{
	const char *sign = network_boot_sign(&boot->root, &boot->cmdline);
	int r = read_table(boot, table_path);

	boot->guards.phase = PHASE_EARLY;
	boot->guards.network_boot = sign != NULL;
	if (sign != NULL)
		log_line(LOG_LEVEL_DEBUG, "'%s' says that the boot goes over the network",
			 sign);
	if (r == 0)
		r = claims_append(&boot->claims, &boot->cmdline.claims);
	if (r == 0)
		r = scan(boot);
	if (r == 0 && real_root != NULL)
		r = find_needs(boot, real_root);
	return r == 0 ? plan_make(&boot->claims, &boot->snapshot, &boot->guards, &boot->plan)
		      : r;
}

static int claim_devices(struct boot *boot)
{
	struct loader loader = { load_module, boot };

	log_messages(boot);
	int r = plan_apply(&boot->plan, &boot->root, &loader, &boot->record);

	if (r == 0)
		log_devices(boot);
	return r;
}

/* The main job. `rd_driver`: no dracut here, so rd.driver.* are ours to carry out. */
static int run_boot(struct boot *boot, bool rd_driver)
{
	boot->record.enabled = !boot->cmdline.disabled;
	if (boot->cmdline.disabled) {
		log_line(LOG_LEVEL_INFO,
			 "switched off for this boot by %s on the kernel command line",
			 boot->cmdline.disabled_by);
		return write_record(boot);
	}
	int r = rd_driver ? write_rd_blacklist(boot) : 0;
	open_modules(boot);
	if (r == 0)
		r = make_plan(boot, CLAIMS_TABLE_PATH, NULL);
	if (r == 0)
		r = claim_devices(boot);
	if (r == 0)
		r = write_claims_in_force(boot);
	if (r == 0 && rd_driver)
		load_list(boot, "rd.driver.pre", &boot->cmdline.pre);
	return r == 0 ? write_record(boot) : r;
}

/* boot.json with the late part; one that the early run did not leave is begun here. */
static int write_late_record(struct boot *boot, char **early)
{
	static const struct plan no_plan;
	AUTO_FREE char *json = NULL;
	int r = 0;

	boot->record.finished = uptime();
	if (*early == NULL) {
		struct record none = boot->record;

		/* The claims in force are not the table of the image. */
		none.table = TABLE_UNREAD;
		none.checksum[0] = '\0';
		none.devices = NULL;
		none.step_count = 0;
		none.enabled = true;
		r = record_render(&none, &no_plan, &boot->cmdline, early);
	}
	if (r == 0)
		r = record_render_late(*early, &boot->record, &boot->plan, &boot->guards,
				       &json);
	if (r == 0)
		write_file(boot, RUN_RECORD_PATH, json);
	return r;
}

/*
 * False where the late run was: two boot scripts may call it. Whether a device waits is seen in
 * sysfs, since the early record has none that came after it, which the udev rule left to this run.
 */
static bool late_is_due(const struct boot *boot, const char *early)
{
	return !boot->cmdline.disabled &&
	       faccessat(boot->root.fd, RUN_CLAIMS_PATH, F_OK, 0) == 0 &&
	       (early == NULL || !record_has_late(early));
}

/*
 * When root is mounted: the devices that waited, as far as nothing needs them. The claims are
 * those that were in force early in this boot, the command line's among them.
 */
static int run_late(struct boot *boot, const char *real_root)
{
	AUTO_FREE char *early = NULL;
	size_t length;

	if (root_read(&boot->root, RUN_RECORD_PATH, RECORD_SIZE_MOST, &early, &length) < 0)
		early = NULL;
	if (!late_is_due(boot, early))
		return 0;
	claims_free(&boot->cmdline.claims);
	open_modules(boot);
	int r = make_plan(boot, RUN_CLAIMS_PATH, real_root + strspn(real_root, "/"));
	if (r < 0 || boot->plan.decision_count == 0)
		return r;
	r = claim_devices(boot);
	return r == 0 ? write_late_record(boot, &early) : r;
}

/* rd.driver.post= for initramfs-tools, after udev has settled. */
static int run_post(struct boot *boot)
{
	if (boot->cmdline.disabled || boot->cmdline.post.count == 0)
		return 0;
	open_modules(boot);
	load_list(boot, "rd.driver.post", &boot->cmdline.post);
	return 0;
}

/* The plan of the image's table, or of the claims that this boot had, where that is gone. */
static int run_dry(struct boot *boot)
{
	AUTO_FREE char *text = NULL;
	const char *table = CLAIMS_TABLE_PATH;

	if (boot->cmdline.disabled) {
		(void)printf("switched off by %s\n", boot->cmdline.disabled_by);
		return 0;
	}
	open_modules(boot);
	if (faccessat(boot->root.fd, CLAIMS_TABLE_PATH, F_OK, 0) < 0 &&
	    faccessat(boot->root.fd, RUN_CLAIMS_PATH, F_OK, 0) == 0) {
		table = RUN_CLAIMS_PATH;
		/* It has the command line's claims already. */
		claims_free(&boot->cmdline.claims);
	}
	int r = make_plan(boot, table, NULL);
	if (r == 0)
		r = plan_render(&boot->plan, &text);
	for (size_t i = 0; r == 0 && i < boot->cmdline.problem_count; i++)
		(void)printf("note: %s\n", boot->cmdline.problems[i]);
	if (r == 0)
		(void)fputs(text, stdout);
	return r;
}

/*
 * For the udev rule: is this device the claim's? Its exit code answers, for once: 0 yes.
 */
static enum exit_code run_device(struct boot *boot, const char *device, const char *claim)
{
	struct pci_address address;

	if (pci_address_parse(device, &address, NULL) < 0) {
		(void)fprintf(stderr, PROGRAM ": '%s' is not an address (DDDD:BB:DD.F)\n",
			      device);
		return EXIT_USAGE;
	}
	/* The claims in force have the command line's among them. */
	claims_free(&boot->cmdline.claims);
	if (make_plan(boot, RUN_CLAIMS_PATH, NULL) < 0)
		return EXIT_SYSTEM;
	for (size_t i = 0; i < boot->plan.decision_count; i++) {
		const struct decision *decision = &boot->plan.decisions[i];

		if (decision->verdict == VERDICT_TAKE &&
		    pci_address_compare(&decision->address, &address) == 0 &&
		    (claim == NULL || strcmp(decision->claim->name, claim) == 0)) {
			(void)printf("%s\n", decision->driver);
			return EXIT_AS_WANTED;
		}
	}
	return EXIT_NOT_AS_WANTED;
}

struct arguments {
	const char *root;
	const char *device;
	const char *claim;
	const char *late;
	bool rd_driver;
	bool post;
	bool dry_run;
	bool help;
	bool version;
};

static int parse_arguments(int argc, char **argv, struct arguments *arguments,
			   const struct option_entry *options)
{
	int index = 1;

	if (options_parse(PROGRAM, options, argc, argv, &index) < 0)
		return -EINVAL;
	if (index < argc) {
		(void)fprintf(stderr,
			      PROGRAM ": '%s' is one word too many\nTry '" PROGRAM
				      " --help'.\n",
			      argv[index]);
		return -EINVAL;
	}
	if (arguments->claim != NULL && arguments->device == NULL) {
		(void)fprintf(stderr, PROGRAM ": --claim goes with --device\n");
		return -EINVAL;
	}
	return 0;
}

static void print_help(const struct option_entry *options)
{
	(void)printf("Usage: " PROGRAM " [OPTION]...\n"
		     "Gives the devices of the claims table and of the kernel command line to "
		     "VFIO.\n"
		     "Run by the initramfs before udev; see vfio-claim-boot(8).\n\n");
	options_help(options);
}

static enum exit_code run(struct boot *boot, const struct arguments *arguments)
{
	/* Questions are answered on the terminal, not in the kernel's log. */
	bool kernel_log = !arguments->dry_run && arguments->device == NULL;

	log_open(kernel_log ? &boot->root : NULL, false);
	int r = read_command_line(boot);
	log_open(kernel_log ? &boot->root : NULL, boot->cmdline.debug);
	if (r == 0 && arguments->device != NULL)
		return run_device(boot, arguments->device, arguments->claim);
	if (r == 0)
		r = arguments->late      ? run_late(boot, arguments->late)
		    : arguments->post    ? run_post(boot)
		    : arguments->dry_run ? run_dry(boot)
					 : run_boot(boot, arguments->rd_driver);
	if (r < 0)
		log_line(LOG_LEVEL_ERROR, "gave up: %s", strerror(-r));
	return EXIT_AS_WANTED;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	const struct option_entry options[] = {
		{ "root", "DIR", "work on the tree in DIR and load nothing", NULL,
		  &arguments.root, NULL },
		{ "rd-driver", NULL, "carry out rd.driver.pre, .post and .blacklist too",
		  &arguments.rd_driver, NULL, NULL },
		{ "late", "DIR", "root is mounted at DIR: take what waited for that", NULL,
		  &arguments.late, NULL },
		{ "post", NULL, "only load the modules of rd.driver.post", &arguments.post,
		  NULL, NULL },
		{ "dry-run", NULL, "print the plan and change nothing", &arguments.dry_run,
		  NULL, NULL },
		{ "device", "ADDRESS",
		  "is this device claimed in this boot? exit 0: yes, 1: no", NULL,
		  &arguments.device, NULL },
		{ "claim", "NAME", "with --device: by this claim?", NULL, &arguments.claim,
		  NULL },
		{ "help", NULL, "print this and exit; also -h", &arguments.help, NULL, NULL },
		{ "version", NULL, "print the version and exit; also -V", &arguments.version,
		  NULL, NULL },
		{ 0 },
	};
	struct boot boot = { .record.started = uptime() };

	if (parse_arguments(argc, argv, &arguments, options) < 0)
		return EXIT_USAGE;
	if (arguments.help || arguments.version) {
		if (arguments.help)
			print_help(options);
		else
			(void)printf(PROGRAM " " VFIO_CLAIM_VERSION "\n");
		return EXIT_AS_WANTED;
	}
	int r = root_open(arguments.root, &boot.root);
	if (r < 0) {
		(void)fprintf(stderr, PROGRAM ": %s: %s\n",
			      arguments.root ? arguments.root : "/", strerror(-r));
		/* Only a mistyped --root gets here; the hooks give none. */
		return EXIT_SYSTEM;
	}
	read_kernel(&boot.record);
	enum exit_code code = run(&boot, &arguments);
	boot_free(&boot);
	return (int)code;
}
