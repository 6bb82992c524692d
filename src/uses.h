/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses the devices now: the list, its text form, and parts of finding out. Pure. */
#ifndef VFIO_CLAIM_USES_H
#define VFIO_CLAIM_USES_H

#include "device.h"

/* What a snapshot of a machine keeps of it. */
#define USES_PATH "run/vfio-claim/uses"

enum { USE_TEXT_SIZE = 128, PROGRAM_NAME_SIZE = 33, INTERFACE_NAME_SIZE = 64 };

enum use_kind {
	USE_ROUTE, /* the default route leads over it */
	USE_VFIO,  /* a program has its VFIO group or device open: a running VM */
	/* A program has a disk of it open, a virtual machine say; or it is mounted in another mount
	 * namespace; or an array, a volume is made of it. What we have mounted: needs.h. */
	USE_DISK,
	USE_DISPLAY, /* a program has its /dev/dri, /dev/nvidia or /dev/kfd node open */
	USE_CONSOLE, /* the firmware's display, a console's frame buffer or serial line */
	USE_SOUND,   /* a program has its /dev/snd node open */
	USE_LINK,    /* a network interface of it is up and connected */
	USE_PROGRAM, /* a program has another node of it open: uio, RDMA, a tape, video */
};

/* One use of one device; a device has any number of them. */
struct use {
	struct pci_address address;
	enum use_kind kind;
	char text[USE_TEXT_SIZE]; /* part of a sentence: "carries the default route (eth0)" */
};

struct uses {
	struct use *items; /* in order of address, kind and text, none twice */
	size_t count;
	/* Processes whose open files could not be looked at: only root may with all. What they
	 * use is not known. */
	unsigned unread;
	/* A disk of which it could not be asked whether the kernel holds it; or empty. */
	char unopened[64];
};

/* The words of `enum use_kind`, NULL-terminated: route, vfio, disk, display, ... */
extern const char *const use_kind_names[];

/*
 * Adds a use, unless the same is there. Control characters, which names of programs may have,
 * become question marks; what is too long is cut. Returns 0 or -ENOMEM.
 */
int uses_add(struct uses *uses, const struct pci_address *address, enum use_kind kind,
	     const char *format, ...) PRINTF_LIKE(4, 5) MUST_CHECK;

/* Puts them in order. */
void uses_sort(struct uses *uses);

/* The next use of the device from index *position on, which moves behind it; or NULL. */
const struct use *uses_next(const struct uses *uses, const struct pci_address *address,
			    size_t *position);

/* What the default route has to do with the device: "carries the default route (eth0)"; or NULL. */
const char *uses_route(const struct uses *uses, const struct pci_address *address);

/*
 * The text form: lines "ADDRESS KIND TEXT", then "unread N" unless N is 0.
 * Returns 0 and *ret_text (owned by the caller), or -ENOMEM.
 */
int uses_render(const struct uses *uses, char **ret_text) MUST_CHECK;

/*
 * Reads the text form and adds to `uses`. Lines of a kind that is not known (a later version
 * wrote them) are passed over. Returns 0, -EBADMSG (not such a text; what was good until then is
 * added) or -ENOMEM.
 */
int uses_parse(const char *text, struct uses *uses) MUST_CHECK;

/* Accepts an empty list. */
void uses_free(struct uses *uses);

/*
 * The last PCI address of a sysfs path such as the target of a link in /sys/class:
 * "../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0". It is the function that the thing
 * belongs to, through whatever lies between (a virtio device, a USB bus).
 * Returns 0 or -ENOENT (no PCI function in it).
 */
int sysfs_pci_address(const char *path, struct pci_address *ret_address) MUST_CHECK;

/*
 * The interface of a default route that is up, out of a line of /proc/net/route
 * (net/ipv4/fib_trie.c: fib_route_seq_show()) or of /proc/net/ipv6_route (net/ipv6/route.c:
 * rt6_info_route(); `ipv6`). Returns true when it is one.
 */
bool route_default_interface(const char *line, bool ipv6,
			     char ret_interface[INTERFACE_NAME_SIZE]);

#endif
