// SPDX-License-Identifier: GPL-2.0-or-later
/* Warnings about single devices that are to be claimed. */
#include <errno.h>
#include <string.h>

#include "match.h"
#include "warnings_parts.h"

/* Takes what the host cannot do without, or warns where that is meant. */
static void warn_of_loss(struct view *view, size_t index, const char *code, const char *text)
{
	const struct device *device = &view->outlook->snapshot->devices[index];
	const struct claim *claim = view->decisions[index].decision->claim;
	bool meant = claim_means_early(claim, device);

	warning_add(view, meant ? SEVERITY_WARNING : SEVERITY_DANGER, code, &device->address,
		    claim, "%s%s", text,
		    meant ? ", and is claimed all the same: when = early with its address"
			  : "");
	if (meant)
		warning_fix(view, "without when = early it is guarded");
	else if (claim->origin != ORIGIN_CONFIG)
		warning_fix(
			view,
			"take it out of the kernel's command line; if it is meant, claim it "
			"in the configuration: match = %s and when = early",
			ADDRESS_TEXT(device));
	else
		warning_fix(view,
			    "except = %s leaves it to the host; if it is meant: match = %s "
			    "and when = early",
			    ADDRESS_TEXT(device), ADDRESS_TEXT(device));
}

static void warn_of_need(struct view *view, size_t index)
{
	const struct device *device = &view->outlook->snapshot->devices[index];
	const struct decision *decision = view->decisions[index].decision;
	const char *need = guards_need(view->outlook->guards, &device->address);

	if (need != NULL) {
		warn_of_loss(view, index, "needed", need);
		return;
	}
	/* Something is mounted now whose devices only its own tools know: ZFS, say. */
	need = guards_reason(view->outlook->guards, &device->address, guard_kind_of(device));
	if (need != NULL && decision->late) {
		warning_add(view, SEVERITY_WARNING, "perhaps-needed", &device->address,
			    decision->claim, "it could be needed: %s", need);
		warning_fix(view, "see with the file system's own tools (zpool status -L) that "
				  "this device is not of it");
	}
	if (decision->claim->when != WHEN_EARLY || decision->late ||
	    guard_kind_of(device) != GUARD_STORAGE)
		return;
	warning_add(view, SEVERITY_WARNING, "unguarded", &device->address, decision->claim,
		    "when = early claims this storage before it is known what is on it: a boot "
		    "that ever needs it fails");
	warning_fix(view, "when = auto claims it once root is mounted, unless it is needed");
}

static bool is_display(const struct device *device)
{
	return device->class_code >> 16 == 0x03;
}

/* Everything else that uses the device, in one sentence. Returns true with a VFIO user. */
static bool list_uses(const struct view *view, const struct device *device, bool route,
		      struct text *text)
{
	const struct use *use;
	size_t position = 0;
	bool vfio = false;

	while ((use = uses_next(view->outlook->uses, &device->address, &position)) != NULL) {
		if (use->kind == USE_ROUTE || (use->kind == USE_LINK && route) ||
		    (use->kind == USE_CONSOLE && is_display(device)))
			continue;
		text_add(text, "%s%s", text->length > 0 ? "; " : "", use->text);
		vfio = vfio || use->kind == USE_VFIO;
	}
	return vfio;
}

static void warn_of_uses(struct view *view, size_t index)
{
	const struct device *device = &view->outlook->snapshot->devices[index];
	struct text text = { 0 };
	AUTO_FREE char *list = NULL;
	const struct use *use;
	size_t position = 0;
	bool route = false;

	while ((use = uses_next(view->outlook->uses, &device->address, &position)) != NULL)
		if (use->kind == USE_ROUTE && !route) {
			route = true;
			warn_of_loss(view, index, "default-route", use->text);
		}
	bool vfio = list_uses(view, device, route, &text);
	if (text_take(&text, &list) < 0) {
		view->error = -ENOMEM;
		return;
	}
	if (*list == '\0')
		return;
	warning_add(view, SEVERITY_WARNING, "in-use", &device->address,
		    view->decisions[index].decision->claim, "in use now: %s", list);
	warning_fix(view, vfio ? "shut the virtual machine down before the reboot"
			       : "see that the host does without it from the next boot on");
}

/* A display that stays with the host, on which the console can come up. */
static const struct device *other_display(const struct view *view)
{
	const struct snapshot *snapshot = view->outlook->snapshot;

	for (size_t i = 0; i < snapshot->count; i++)
		if (is_display(&snapshot->devices[i]) && !view_takes(view, i) &&
		    *snapshot->devices[i].driver != '\0' &&
		    !driver_is_vfio(snapshot->devices[i].driver))
			return &snapshot->devices[i];
	return NULL;
}

static bool has_console(const struct view *view, size_t index)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];
	const struct use *use;
	size_t position = 0;

	if (outlook->details[index].boot_vga == 1 ||
	    (outlook->facts->has_framebuffer &&
	     pci_address_compare(&outlook->facts->framebuffer, &device->address) == 0))
		return true;
	while ((use = uses_next(outlook->uses, &device->address, &position)) != NULL)
		if (use->kind == USE_CONSOLE)
			return true;
	return false;
}

/*
 * vfio-pci throws the firmware's framebuffer out when it binds a VGA device
 * (drivers/vfio/pci/vfio_pci_core.c: vfio_pci_vga_init(), in 6.1 too), so the text console on
 * it ends there, be it efifb, vesafb or simpledrm.
 */
static void warn_of_console(struct view *view, size_t index)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];
	const struct device *other = other_display(view);
	const char *consoles = outlook->facts->consoles;

	if (!is_display(device) || !has_console(view, index))
		return;
	bool off = outlook->config->host.framebuffer == FRAMEBUFFER_OFF;
	bool none = *consoles == '\0' && outlook->facts->display_console;
	warning_add(view, SEVERITY_WARNING, "boot-display", &device->address,
		    view->decisions[index].decision->claim,
		    "the machine starts on this display: its screen %s%s%s%s",
		    off ? "shows nothing of Linux (framebuffer = off)"
			: "shows the text console no longer once vfio-pci has it",
		    none        ? "; there is no other console"
		    : *consoles ? "; the console stays on "
				: "",
		    consoles, other ? "; another display stays with the host" : "");
	if (other != NULL)
		warning_fix(view,
			    "choose %s (%s) as the first display in the firmware's set-up, or "
			    "plug the screen in there",
			    ADDRESS_TEXT(other), other->driver);
	else if (*consoles != '\0')
		warning_fix(view, "try the console on %s, or ssh, before the reboot", consoles);
	else
		warning_fix(view, "have another way in before the reboot: ssh, a management "
				  "controller, or extra_args = console=tty0 "
				  "console=ttyS0,115200");
}

/* Every function of the device's bus goes to VFIO: it can reset the bus as a whole. */
static bool bus_is_taken(const struct view *view, size_t index)
{
	const struct snapshot *snapshot = view->outlook->snapshot;
	const struct pci_address *address = &snapshot->devices[index].address;

	if (view->outlook->details[index].parent == NO_PARENT)
		return false;
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->devices[i].address.domain == address->domain &&
		    snapshot->devices[i].address.bus == address->bus && !view_takes(view, i))
			return false;
	return true;
}

/*
 * reset_method (since 5.15) is not there for a device that cannot be reset by itself. A card of
 * several functions has no "bus" in it either, but VFIO resets the bus when all that is on it
 * is its own (drivers/vfio/pci/vfio_pci_core.c: vfio_pci_dev_set_try_reset()).
 */
static void warn_of_reset(struct view *view, size_t index)
{
	const struct details *details = &view->outlook->details[index];
	const struct device *device = &view->outlook->snapshot->devices[index];
	bool root_bus = details->parent == NO_PARENT;

	if (!details->reset_known || details->can_reset || bus_is_taken(view, index))
		return;
	warning_add(view, SEVERITY_WARNING, "no-reset", &device->address,
		    view->decisions[index].decision->claim,
		    "it cannot be reset by itself%s: a virtual machine finds it as the last "
		    "one left it",
		    root_bus ? "" : ", nor with its bus, which others are on");
	if (root_bus)
		warning_fix(view, "try a second start of the virtual machine before you rely "
				  "on it; a reboot of the host resets it");
	else
		warning_fix(view,
			    "claim all that is on bus %04x:%02x, so that it can be reset "
			    "as a whole",
			    device->address.domain, device->address.bus);
}

/* How many virtual functions of this physical one are claimed. */
static unsigned count_vfs(const struct view *view, const struct device *physical)
{
	const struct outlook *outlook = view->outlook;
	unsigned count = 0;

	for (size_t i = 0; i < outlook->snapshot->count; i++)
		if (outlook->details[i].has_physfn && view_takes(view, i) &&
		    pci_address_compare(&outlook->details[i].physfn, &physical->address) == 0)
			count++;
	return count;
}

/*
 * vfio-pci takes no physical function with virtual ones (vfio_pci_core.c: -EBUSY), and makes
 * none unless its enable_sriov is set. At boot it comes first, so there are none.
 */
static void warn_of_sriov(struct view *view, size_t index)
{
	const struct details *details = &view->outlook->details[index];
	const struct device *device = &view->outlook->snapshot->devices[index];
	const struct claim *claim = view->decisions[index].decision->claim;

	if (details->sriov_totalvfs == 0)
		return;
	unsigned vfs = count_vfs(view, device);
	if (vfs > 0) {
		warning_add(view, SEVERITY_FAULT, "pf-and-vf", &device->address, claim,
			    "it is claimed together with %u of its virtual functions, which "
			    "it has only with its native driver",
			    vfs);
		warning_fix(view,
			    "except = %s leaves it to its native driver; or claim it without "
			    "its virtual functions",
			    ADDRESS_TEXT(device));
	} else if (details->sriov_numvfs > 0) {
		warning_add(view, SEVERITY_WARNING, "pf-with-vfs", &device->address, claim,
			    "it has %u virtual functions now and none once it is claimed",
			    details->sriov_numvfs);
		warning_fix(view, "claim the virtual functions instead, or see that nothing "
				  "needs them");
	}
}

/* Nova: devspec.py has MAX_DOMAIN = 0xFFFF, and skips 32-bit domains that libvirt reports. */
static void warn_of_domain(struct view *view, size_t index)
{
	const struct device *device = &view->outlook->snapshot->devices[index];

	if (device->address.domain <= 0xffff || view->decisions[index].decision->companion)
		return;
	warning_add(view, SEVERITY_WARNING, "nova-domain", &device->address,
		    view->decisions[index].decision->claim,
		    "OpenStack Nova has no device of a domain above ffff: it will not find it");
	warning_fix(view, "on a Nova host turn VMD off in the firmware's set-up, so that the "
			  "device moves to domain 0000");
}

static void warn_of_builtin(struct view *view, size_t index)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];

	if (outlook->facts->devices == NULL || *outlook->facts->devices[index].builtin == '\0')
		return;
	warning_add(view, SEVERITY_WARNING, "built-in-driver", &device->address,
		    view->decisions[index].decision->claim,
		    "%s is built into the kernel and has the device before the initramfs runs, "
		    "which then takes it away",
		    outlook->facts->devices[index].builtin);
	warning_fix(view, "nothing, if the device bears that; no argument keeps a built-in "
			  "driver off one device alone");
}

/* On VFIO now, by another tool or an older configuration, and nobody's in the next boot. */
static void warn_of_leaving(struct view *view, size_t index)
{
	const struct device *device = &view->outlook->snapshot->devices[index];
	const struct use *use;
	size_t position = 0;

	if (view->decisions[index].decision != NULL || !driver_is_vfio(device->driver))
		return;
	/* libvirt binds it for the time that the machine runs. */
	while ((use = uses_next(view->outlook->uses, &device->address, &position)) != NULL)
		if (use->kind == USE_VFIO)
			return;
	warning_add(view, SEVERITY_WARNING, "no-longer-claimed", &device->address, NULL,
		    "%s has it now, and no claim names it for the next boot", device->driver);
	warning_fix(view, "match = %s in a claim keeps it", ADDRESS_TEXT(device));
}

static bool is_in_blacklist(const struct host *host, const char *module)
{
	char name[DRIVER_NAME_SIZE];

	for (size_t i = 0; host->blacklist == BLACKLIST_LIST && i < host->module_count; i++) {
		module_of_driver(host->modules[i], name);
		if (strcmp(name, module) == 0)
			return true;
	}
	return false;
}

/*
 * The host keeps the device, and the next boot's arguments keep its driver away: as good as
 * taken. A driver that is built in heeds no blacklist.
 */
static void warn_of_blacklist(struct view *view, size_t index)
{
	const struct outlook *outlook = view->outlook;
	const struct device *device = &outlook->snapshot->devices[index];
	const struct device_outlook *facts =
		outlook->facts->devices ? &outlook->facts->devices[index] : NULL;

	if (facts == NULL || *facts->blacklisted == '\0' ||
	    strcmp(facts->blacklisted, facts->builtin) == 0)
		return;
	const char *need = guards_need(outlook->guards, &device->address);
	if (need == NULL)
		need = uses_route(outlook->uses, &device->address);
	const char *doubt =
		guards_reason(outlook->guards, &device->address, guard_kind_of(device));
	if (need == NULL && doubt == NULL)
		return;
	warning_add(view, need ? SEVERITY_DANGER : SEVERITY_WARNING, "driver-blacklisted",
		    &device->address, NULL,
		    "the next boot does not load %s, its driver, which is blacklisted; %s%s",
		    facts->blacklisted,
		    need ? "" : "it could be needed: ", need ? need : doubt);
	warning_fix(view, "take %s out of %s", facts->blacklisted,
		    is_in_blacklist(&outlook->config->host, facts->blacklisted)
			    ? "blacklist in the configuration"
			    : "the blacklists in extra_args");
}

void warn_of_devices(struct view *view)
{
	for (size_t i = 0; i < view->outlook->snapshot->count; i++) {
		if (!view_takes(view, i)) {
			warn_of_blacklist(view, i);
			warn_of_leaving(view, i);
			continue;
		}
		warn_of_need(view, i);
		warn_of_uses(view, i);
		warn_of_console(view, i);
		warn_of_reset(view, i);
		warn_of_sriov(view, i);
		warn_of_domain(view, i);
		warn_of_builtin(view, i);
	}
}
