// SPDX-License-Identifier: GPL-2.0-or-later
/* The udev rule that claims devices which appear after the boot helper ran. */
#include "udev_rule.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "plan.h"
#include "text.h"
#include "version.h"

#define END "vfio_claim_end"
#define HELD "vfio_claim_held"
#define NEW "vfio_claim_new"
#define ASKED "vfio_claim_asked"

/* Of 13 characters mostly, in a line of udev, which may have 16383. */
enum { ADDRESSES_A_LINE = 500 };

/* The link physfn comes a moment after the event, the attribute (since 5.13) before it. */
#define NOT_A_VF "TEST!=\"physfn\", TEST!=\"sriov_vf_msix_count\", "

/* What guard_kind_of() takes for storage or a network device; a unit test compares the two. */
#define GUARDED_CLASSES "0x01*|0x02*|0x0502*|0x0805*|0x0c00*|0x0c04*|0x0c06*|0x0d*"
#define GUARDED_VIRTIO "0x1000|0x1001|0x1004|0x1009|0x1041|0x1042|0x1048|0x1049|0x105a|0x105b"

static void add_attribute(struct text *text, const char *name, uint32_t value)
{
	if (value != PCI_ANY)
		text_add(text, "ATTR{%s}==\"0x%04x\", ", name, value & 0xffff);
}

static void add_ids(struct text *text, const struct pci_ids *ids)
{
	add_attribute(text, "vendor", ids->vendor);
	add_attribute(text, "device", ids->device);
	add_attribute(text, "subsystem_vendor", ids->subvendor);
	add_attribute(text, "subsystem_device", ids->subdevice);
}

/* A class mask of whole bytes from the left becomes a prefix; `match` words have no other. */
static void add_class(struct text *text, const struct selector *selector)
{
	int digits = (selector->class_mask & 0xff)     ? 6
		     : (selector->class_mask & 0xff00) ? 4
						       : 2;

	text_add(text, "ATTR{class}==\"0x%0*x*\", ", digits,
		 (selector->class_code & 0xffffff) >> (6 - digits) * 4);
}

static void add_path(struct text *text, const struct pci_path *path)
{
	char root[PCI_ADDRESS_SIZE];

	text_add(text, "DEVPATH==\"*/%s", pci_address_format(&path->root, root));
	/* Bus numbers below the root are whatever this boot made them; the domain stays. */
	for (size_t i = 0; i < path->hops; i++)
		text_add(text, "/%04x:??:%02x.%x", path->root.domain, path->hop[i].device,
			 path->hop[i].function);
	text_add(text, "\", ");
}

static void add_selector(struct text *text, const struct selector *selector)
{
	char address[PCI_ADDRESS_SIZE];

	if (selector->words & SELECT_ADDRESS) {
		(void)pci_address_format(&selector->address, address);
		if (selector->any_function)
			address[strlen(address) - 1] = '*';
		text_add(text, "KERNEL==\"%s\", ", address);
	}
	if (selector->words & SELECT_IDS)
		add_ids(text, &selector->ids);
	if (selector->words & SELECT_CLASS)
		add_class(text, selector);
	if (selector->words & SELECT_PATH)
		add_path(text, &selector->path);
}

/* True where every virtual function of this kind is the claim's, whatever its address. */
static bool takes_every_vf(const struct claim *claim, const struct selector *selector)
{
	const struct pci_ids *ids = &selector->ids;

	return claim->except_count == 0 && selector->words == SELECT_IDS &&
	       ids->vendor != PCI_ANY && ids->device != PCI_ANY && ids->subvendor == PCI_ANY &&
	       ids->subdevice == PCI_ANY;
}

/*
 * With sriov_drivers_autoprobe off the kernel gives a new VF to no driver until an override is
 * set (drivers/pci/pci-driver.c: pci_device_can_probe()): there is no race to lose. The VF's
 * device ID stands in its PF's sriov_vf_device (since 4.16).
 */
static void add_autoprobe(struct text *text, const struct claims *claims)
{
	for (size_t i = 0; i < claims->count; i++) {
		const struct claim *claim = &claims->items[i];

		for (size_t j = 0; j < claim->match_count; j++) {
			const struct pci_ids *ids = &claim->matches[j].ids;

			if (takes_every_vf(claim, &claim->matches[j]))
				text_add(text,
					 "ATTR{vendor}==\"0x%04x\", "
					 "ATTR{sriov_vf_device}==\"%x\", "
					 "ATTR{sriov_drivers_autoprobe}=\"0\"\n",
					 ids->vendor & 0xffff, ids->device & 0xffff);
		}
	}
}

/*
 * The device is claimed: override, take it from whoever has it, probe, load the driver. ":=" keeps
 * 80-drivers.rules from adding the native module, see add_held().
 */
static void add_take(struct text *text, const char *driver)
{
	char module[DRIVER_NAME_SIZE];

	module_of_driver(driver, module);
	text_add(text, "ENV{VFIO_CLAIM}=\"taken\"\n");
	text_add(text, "ATTR{driver_override}=\"%s\"\n", driver);
	text_add(text, "DRIVER==\"?*\", DRIVER!=\"%s\", ATTR{driver/unbind}=\"$kernel\"\n",
		 driver);
	text_add(text, "ATTR{[subsystem/pci]drivers_probe}=\"$kernel\"\n");
	/* Loading binds what has the override; it does nothing when the module is there. */
	text_add(text, "RUN{builtin}:=\"kmod load %s\"\n", module);
	text_add(text, "GOTO=\"" END "\"\n");
}

/* Where the other functions of a card can be that this selector takes. */
static void render_neighbourhood(const struct selector *selector,
				 char out[PCI_ADDRESS_SIZE + 16])
{
	char address[PCI_ADDRESS_SIZE];

	out[0] = '\0';
	if (selector->words & SELECT_ADDRESS) {
		(void)pci_address_format(&selector->address, address);
		address[strlen(address) - 1] = '*';
		(void)snprintf(out, PCI_ADDRESS_SIZE + 16, "KERNEL==\"%s\", ", address);
	} else if ((selector->words & SELECT_IDS) != 0 && selector->ids.vendor != PCI_ANY) {
		/* The functions of a card are of one vendor. */
		(void)snprintf(out, PCI_ADDRESS_SIZE + 16, "ATTR{vendor}==\"0x%04x\", ",
			       selector->ids.vendor & 0xffff);
	}
}

static uint64_t slot_key(const struct pci_address *address)
{
	return UINT64_C(2) << 48 | (uint64_t)address->domain << 16 |
	       (uint64_t)address->bus << 8 | address->device;
}

/* A number that is the same for two selectors whose neighbourhoods are. */
static uint64_t neighbourhood_key(const struct selector *selector)
{
	if (selector->words & SELECT_ADDRESS)
		return slot_key(&selector->address);
	if ((selector->words & SELECT_IDS) != 0 && selector->ids.vendor != PCI_ANY)
		return UINT64_C(1) << 48 | selector->ids.vendor;
	return 0;
}

static bool is_among(uint64_t key, const uint64_t *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i] == key)
			return true;
	return false;
}

/*
 * The helper answers what a rule cannot see; it is asked about few devices. A virtual function
 * is nobody's companion.
 */
static void add_questions(struct text *text, const struct claim *claim, size_t number,
			  bool about_all)
{
	char neighbourhood[PCI_ADDRESS_SIZE + 16];
	AUTO_FREE uint64_t *keys = calloc(claim->match_count + 1, sizeof(*keys));
	size_t count = 0;

	if (keys == NULL)
		text->error = -ENOMEM;
	for (size_t i = 0; keys != NULL && i < claim->match_count; i++) {
		uint64_t key = neighbourhood_key(&claim->matches[i]);

		if (is_among(key, keys, count))
			continue;
		keys[count++] = key;
		render_neighbourhood(&claim->matches[i], neighbourhood);
		text_add(text,
			 "%s%sPROGRAM==\"" BOOT_HELPER
			 " --device $kernel --claim %s\", GOTO=\"vfio_claim_%zu_take\"\n",
			 neighbourhood, about_all ? "" : NOT_A_VF, claim->name, number);
	}
}

/* Counting and odd class masks cannot be said in a rule. */
static bool beyond_rules(const struct selector *selector)
{
	uint32_t mask = selector->class_mask & 0xffffff;

	return (selector->words & SELECT_NTH) != 0 ||
	       ((selector->words & SELECT_CLASS) != 0 && mask != 0xff0000 && mask != 0xffff00 &&
		mask != 0xffffff);
}

static bool claim_is_beyond_rules(const struct claim *claim)
{
	for (size_t i = 0; i < claim->match_count; i++)
		if (beyond_rules(&claim->matches[i]))
			return true;
	for (size_t i = 0; i < claim->except_count; i++)
		if (beyond_rules(&claim->excepts[i]))
			return true;
	return false;
}

/*
 * What may hold for a bridge that it does not name (see claim_names_bridge()): then the
 * helper's answer counts, or none. Another class is said by the selector itself.
 */
static bool means_no_bridge(const struct selector *selector)
{
	bool bridges = (selector->words & SELECT_CLASS) == 0 ||
		       ((selector->class_code ^ 0x068000) & selector->class_mask) == 0;

	return bridges && !selector_names_bridge(selector);
}

/* Excepted devices skip the claim, matching ones go to its take part. */
static void add_selectors(struct text *text, const struct claim *claim, size_t number)
{
	for (size_t i = 0; i < claim->except_count; i++) {
		add_selector(text, &claim->excepts[i]);
		text_add(text, "GOTO=\"vfio_claim_%zu_end\"\n", number);
	}
	for (size_t i = 0; i < claim->match_count; i++) {
		add_selector(text, &claim->matches[i]);
		text_add(text, "%sGOTO=\"vfio_claim_%zu_take\"\n",
			 means_no_bridge(&claim->matches[i]) ? "ATTR{class}!=\"0x0680*\", "
							     : "",
			 number);
	}
}

static void add_claim(struct text *text, const struct claim *claim, size_t number)
{
	/* A variant driver cannot be looked up in a rule. */
	const char *driver =
		strcmp(claim->driver, "auto") == 0 ? VFIO_PCI_DRIVER : claim->driver;
	bool ask_all = claim_is_beyond_rules(claim);

	text_add(text, "\n# claim %s\n", claim->name);
	if (!ask_all)
		add_selectors(text, claim, number);
	if (ask_all || claim->functions == FUNCTIONS_ALL)
		add_questions(text, claim, number, ask_all);
	text_add(text, "GOTO=\"vfio_claim_%zu_end\"\n", number);
	text_add(text, "LABEL=\"vfio_claim_%zu_take\"\n", number);
	add_take(text, driver);
	text_add(text, "LABEL=\"vfio_claim_%zu_end\"\n", number);
}

/* "vfio-pci", the variants (xe-vfio-pci has dashes) and the drivers that claims name. */
static void add_driver_pattern(struct text *text, const struct claims *claims)
{
	text_add(text, VFIO_PCI_DRIVER "|*_vfio_pci|*-vfio-pci");
	for (size_t i = 0; i < claims->count; i++) {
		const char *driver = claims->items[i].driver;

		if (strcmp(driver, "auto") != 0 && strcmp(driver, VFIO_PCI_DRIVER) != 0)
			text_add(text, "|%s", driver);
	}
}

/* The neighbourhoods of all selectors; *ret_all where one of them is everywhere. */
static uint64_t *all_neighbourhoods(const struct claims *claims, size_t *ret_count,
				    bool *ret_all)
{
	size_t count = 0;

	for (size_t i = 0; i < claims->count; i++)
		count += claims->items[i].match_count;
	uint64_t *keys = calloc(count + 1, sizeof(*keys));
	*ret_count = 0;
	*ret_all = false;
	for (size_t i = 0; keys != NULL && i < claims->count; i++)
		for (size_t j = 0; j < claims->items[i].match_count; j++) {
			keys[*ret_count] = neighbourhood_key(&claims->items[i].matches[j]);
			*ret_all = *ret_all || keys[*ret_count] == 0;
			(*ret_count)++;
		}
	return keys;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_near(const struct device *device, const uint64_t *keys, size_t count)
{
	uint64_t vendor = UINT64_C(1) << 48 | device->ids.vendor;
	uint64_t slot = slot_key(&device->address);

	return bsearch(&vendor, keys, count, sizeof(*keys), compare_keys) != NULL ||
	       bsearch(&slot, keys, count, sizeof(*keys), compare_keys) != NULL;
}

/* Lines for the devices that the helper saw, of those that a claim below could ask about. */
static void add_known(struct text *text, const struct claims *claims,
		      const struct snapshot *known)
{
	char address[PCI_ADDRESS_SIZE];
	size_t key_count;
	size_t written = 0;
	bool all;
	AUTO_FREE uint64_t *keys = all_neighbourhoods(claims, &key_count, &all);

	if (keys == NULL) {
		text->error = -ENOMEM;
		return;
	}
	qsort(keys, key_count, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < known->count; i++) {
		if (!all && !is_near(&known->devices[i], keys, key_count))
			continue;
		text_add(text, "%s%s", written % ADDRESSES_A_LINE == 0 ? "KERNEL==\"" : "|",
			 pci_address_format(&known->devices[i].address, address));
		if (++written % ADDRESSES_A_LINE == 0)
			text_add(text, "\", GOTO=\"" HELD "\"\n");
	}
	if (written % ADDRESSES_A_LINE != 0)
		text_add(text, "\", GOTO=\"" HELD "\"\n");
}

/*
 * Root, or the keyboard for its passphrase, may be behind a USB controller that appears before
 * root is mounted. The helper knows one that is a part of a card.
 */
static void add_usb_question(struct text *text)
{
	text_add(text, "ATTR{class}!=\"0x0c03*\", GOTO=\"" ASKED "\"\n"
		       "TEST!=\"/etc/initrd-release\", TEST!=\"/conf/initramfs.conf\", "
		       "GOTO=\"" ASKED "\"\n"
		       "PROGRAM==\"" BOOT_HELPER " --device $kernel\", GOTO=\"" ASKED "\"\n"
		       "GOTO=\"" HELD "\"\n"
		       "LABEL=\"" ASKED "\"\n");
}

/* What `udevadm trigger` says once more, the coldplug among it. */
static void add_replay(struct text *text, const struct claims *claims,
		       const struct snapshot *known)
{
	if (known == NULL) {
		text_add(text,
			 "\n# Only what appears now: not the replay of `udevadm trigger`, "
			 "which would take\n"
			 "# back a device that was released on purpose.\n"
			 "ENV{SYNTH_UUID}==\"?*\", GOTO=\"" HELD "\"\n");
		return;
	}
	text_add(text, "\n# A replay (`udevadm trigger`) would take back a device that was "
		       "released on purpose.\n"
		       "# Who is nobody's and was not there for the helper came while no udevd "
		       "listened.\n"
		       "ENV{SYNTH_UUID}!=\"?*\", GOTO=\"" NEW "\"\n"
		       "DRIVER==\"?*\", GOTO=\"" HELD "\"\n"
		       "ATTR{driver_override}!=\"(null)\", GOTO=\"" HELD "\"\n"
		       "IMPORT{db}=\"VFIO_CLAIM\"\n"
		       "ENV{VFIO_CLAIM}==\"?*\", GOTO=\"" HELD "\"\n"
		       /* Root may be behind it. */
		       "ATTR{class}==\"0x0c03*\", GOTO=\"" HELD "\"\n");
	add_known(text, claims, known);
	text_add(text, "LABEL=\"" NEW "\"\n");
	add_usb_question(text);
}

/*
 * For every device with a VFIO driver's override: its list of things to run is final, so that
 * 80-drivers.rules adds no `kmod load` of the native module. A list cannot be made final and
 * empty (systemd 252 to 262 would run ""); path_id only computes a property. Emptying MODALIAS
 * instead works with systemd 257 and is refused by 262 ("'MODALIAS' cannot be set").
 */
static void add_held(struct text *text, const struct claims *claims)
{
	text_add(text, "\nLABEL=\"" HELD "\"\n"
		       "# No native module is loaded on behalf of a device that is VFIO's.\n"
		       "ATTR{driver_override}==\"");
	add_driver_pattern(text, claims);
	text_add(text, "\", RUN{builtin}:=\"path_id\"\n");
}

/*
 * The installed rule alone: not where the boot helper was, nor in a boot that is switched off.
 * Outside an initramfs udev passes over all words that begin with "rd." (systemd's
 * src/basic/proc-cmdline.c), so grep is asked; an initramfs without grep has the import. A
 * replay takes nothing, and starts no process but for physical functions, whose autoprobe is
 * set below. A selector that begins with 0 is not off: -w wants no digit behind it.
 */
static void add_conditions(struct text *text)
{
	text_add(text, "TEST==\"/" RUN_UDEV_RULE_PATH "\", GOTO=\"" END "\"\n"
		       "TEST==\"/" RUN_RECORD_PATH "\", GOTO=\"" END "\"\n"
		       "IMPORT{cmdline}=\"rd.vfio-claim\"\n"
		       "IMPORT{cmdline}=\"single\"\n"
		       "IMPORT{cmdline}=\"recovery\"\n"
		       "ENV{single}==\"?*\", GOTO=\"" END "\"\n"
		       "ENV{recovery}==\"?*\", GOTO=\"" END "\"\n"
		       "ENV{rd.vfio-claim}==\"0|no|off\", GOTO=\"" END "\"\n"
		       "# Outside an initramfs udev does not see words that begin with rd., "
		       "grep does.\n"
		       "ENV{SYNTH_UUID}==\"?*\", TEST!=\"sriov_vf_device\", "
		       "GOTO=\"vfio_claim_on\"\n"
		       "TEST==\"/bin/grep\", PROGRAM==\"/bin/grep -qwE "
		       "rd.vfio[-_]claim=(0|no|off) /proc/cmdline\", GOTO=\"" END "\"\n"
		       "LABEL=\"vfio_claim_on\"\n");
}

/* @known: as for udev_rule_render(); @installed: for the system, not for this boot alone */
static int render(const struct claims *claims, const struct snapshot *known, const char *head,
		  bool installed, char **ret_text)
{
	struct text text = { 0 };

	text_add(&text, "%s", head);
	text_add(&text, "SUBSYSTEM!=\"pci\", GOTO=\"" END "\"\n"
			"ACTION!=\"add\", GOTO=\"" END "\"\n");
	if (installed)
		add_conditions(&text);
	text_add(&text, "\n# Virtual functions wait for the rules below.\n");
	add_autoprobe(&text, claims);
	add_replay(&text, claims, known);
	text_add(&text,
		 "\n# Bridges never, but for what is one by its class only (NVSwitches).\n"
		 "ATTR{class}==\"0x06*\", ATTR{class}!=\"0x0680*\", GOTO=\"" HELD "\"\n"
		 "ATTR{class}==\"0x0680*\", TEST==\"secondary_bus_number\", "
		 "GOTO=\"" HELD "\"\n"
		 "# Storage and network only as virtual functions.\n" NOT_A_VF
		 "ATTR{class}==\"" GUARDED_CLASSES "\", GOTO=\"" HELD "\"\n" NOT_A_VF
		 "ATTR{vendor}==\"0x1af4\", ATTR{device}==\"" GUARDED_VIRTIO "\", "
		 "GOTO=\"" HELD "\"\n");
	for (size_t i = 0; i < claims->count; i++)
		add_claim(&text, &claims->items[i], i);
	add_held(&text, claims);
	text_add(&text, "\nLABEL=\"" END "\"\n");
	return text_take(&text, ret_text);
}

int udev_rule_render(const struct claims *claims, const struct snapshot *known, char **ret_text)
{
	return render(
		claims, known,
		"# Made at boot by vfio-claim-boot from the claims in force; do not edit.\n",
		false, ret_text);
}

int udev_rule_render_installed(const struct claims *claims, char **ret_text)
{
	return render(
		claims, NULL,
		"# Made by `vfio-claim apply` from the configuration; do not edit.\n"
		"# For a /run that did not come along from the initramfs (busybox's\n"
		"# switch_root): where the boot helper's own rule or record is, that counts.\n",
		true, ret_text);
}
