/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `vfio-claim export` writes for other systems. Pure: libc only, no I/O. A format is one
 * function of what is known of the configuration and the machine; it never reads anything itself.
 */
#ifndef VFIO_CLAIM_EXPORTS_H
#define VFIO_CLAIM_EXPORTS_H

#include "arguments.h"
#include "details.h"
#include "plan.h"
#include "quoting.h"
#include "text.h"

/* One function of the machine, in address order. */
struct export_device {
	const struct device *device;   /* IDs, class, address, IOMMU group */
	const struct details *details; /* SR-IOV, NUMA node; never NULL */
	const char *name;              /* "NVIDIA GP106GL [Quadro P2000]": UTF-8, checked */
	const struct claim *claim;     /* that names it, or NULL: it is left to the host */
	bool taken;                    /* the next boot gives it to VFIO; else, with a claim: */
	const char *reason;            /* why it is refused, one sentence; or NULL */
};

/* One file of the configuration, to be carried to another machine. */
struct export_file {
	const char *
		path; /* there, absolute: /etc/vfio-claim.conf, /etc/vfio-claim.conf.d/a.conf */
	const char *text; /* as it was read; without zero bytes, not necessarily UTF-8 */
};

/* What was given on the command line; NULL or false: not given. A format judges the values that
 * it knows; options of other formats were refused before. */
struct export_options {
	const char *by;      /* nova and what is made of it: ids, address or auto */
	const char *release; /* a release of OpenStack */
	const char *part;    /* compute, controller, flavors */
	bool placement;      /* have the devices in Placement */
	const char *package; /* cloud-init, juju: what is installed, a name or a path */
};

/* Everything a format may need; nothing of it is the format's to change or release. */
struct exports {
	/* The claims of the configuration, then, with a machine, those of its kernel command line
	 * (claim->origin). */
	const struct claims *claims;
	const struct host *host;
	const struct export_file *files;
	size_t file_count;

	/* False with an image (--root) and without hardware: then there are no devices, and the
	 * selectors of the claims are all there is. */
	bool has_machine;
	const char *machine; /* the host's name, or empty; checked as names are */
	const struct export_device *devices;
	size_t device_count;
	const struct plan
		*plan; /* NULL without a machine; decisions without a device are there */

	/* The kernel arguments as `vfio-claim cmdline` prints them. */
	const struct arguments *arguments;
	const char *line; /* the same, blanks between; arguments_are_plain() */
	enum architecture architecture;

	const struct export_options *options;
};

/*
 * One format. On success the whole text goes into `ret_text`; whatever is in there after an
 * error is not shown. On an error `ret_reason` is one or more sentences on why, and what to do.
 *
 * Returns 0, -EINVAL (an option's value is wrong: exit code 2), -EPERM (refused: exit code 4), or
 * -ENOMEM. The sticky error of `ret_text` need not be looked at.
 */
typedef int export_function(const struct exports *exports, struct text *ret_text,
			    struct text *ret_reason);

struct export_format {
	const char *name;
	const char *help; /* one line */
	export_function *write;
	const char *options; /* those of struct export_options that it takes, blanks between */
	/* Its arguments are for other machines, whose CPU need not be this one's. */
	bool elsewhere;
};

/* Every format there is; the last has no name. */
extern const struct export_format export_formats[];

/* The format of this name, or NULL. */
const struct export_format *export_format_find(const char *name);

/* True when this device of the machine is to be given to guests. */
static inline bool export_is_given(const struct export_device *device)
{
	return device->claim != NULL && device->taken;
}

/* The formats. */
export_function export_nova;
export_function export_edpm;
export_function export_genestack;
export_function export_charms;
export_function export_bright;
export_function export_maas;
export_function export_cloud_init;
export_function export_juju;
export_function export_machineconfig;

#endif
