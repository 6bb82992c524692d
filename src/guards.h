/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a boot must not lose: the devices that root, /usr, swap and the like are on, and the
 * network that the boot came over. Data and its rules; pure.
 */
#ifndef VFIO_CLAIM_GUARDS_H
#define VFIO_CLAIM_GUARDS_H

#include "device.h"

enum { GUARD_REASON_SIZE = 160 };

/*
 * In the early phase nothing is known of file systems: what could be storage waits. In the
 * late one root is mounted, and only what waited is decided. The whole is both, as the tool's
 * plan shows them.
 */
enum guard_phase { PHASE_EARLY, PHASE_LATE, PHASE_WHOLE };

/* One PCI function that something needs. */
struct need {
	struct pci_address address;
	char reason[GUARD_REASON_SIZE]; /* "/ (/dev/sda1) is on it" */
};

struct guards {
	enum guard_phase phase;
	struct need *needs; /* none in PHASE_EARLY */
	size_t need_count;
	/*
	 * Where something needed could not be followed to its devices, everything of the kind
	 * is taken for needed, but for the storage controllers that are seen to have nothing
	 * of it. Empty: all could be followed.
	 */
	char storage_reason[GUARD_REASON_SIZE];
	struct pci_address *cleared;
	size_t cleared_count;
	char network_reason[GUARD_REASON_SIZE];
	bool network_boot; /* the boot goes over the network, or may */
};

/*
 * What could carry a file system or the network, and so waits until root is mounted. A USB
 * controller is one (a disk may be plugged in, or the keyboard for a passphrase), unless it is
 * a function of a display card (of its vendor), which nothing of the host is plugged into.
 */
enum guard_kind { GUARD_NONE, GUARD_STORAGE, GUARD_USB, GUARD_NETWORK };

/* By class and, for virtio devices, whose class says little, by ID. Knows no cards. */
enum guard_kind guard_kind_of(const struct device *device);

/* True for class 06: bridges of all kinds, most of which are never claimed. */
bool device_is_bridge(const struct device *device);

/*
 * True for a bridge that VFIO can have: class 0680 ("other"), with the header of a device. Such
 * are NVSwitches, which a virtual machine with all GPUs of an HGX board needs, and
 * non-transparent bridges; but also parts of a chipset. vfio-pci itself looks at the header
 * only (vfio_pci_core_register_device()).
 */
bool device_is_other_bridge(const struct device *device);

/*
 * Adds a need. Of several for one device the first stays: callers begin with what matters
 * most. Returns 0 or -ENOMEM.
 */
int guards_add(struct guards *guards, const struct pci_address *address, const char *format,
	       ...) PRINTF_LIKE(3, 4) MUST_CHECK;

/* Takes a storage controller out of what storage_reason protects. Returns 0 or -ENOMEM. */
int guards_clear(struct guards *guards, const struct pci_address *address) MUST_CHECK;

/*
 * Why a device of this kind must stay with the host, or NULL. Says nothing on devices that are
 * claimed before anything is known.
 */
const char *guards_reason(const struct guards *guards, const struct pci_address *address,
			  enum guard_kind kind);

/* The reason of the device's own need, or NULL. */
const char *guards_need(const struct guards *guards, const struct pci_address *address);

void guards_free(struct guards *guards);

#endif
