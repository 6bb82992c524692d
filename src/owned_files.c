// SPDX-License-Identifier: GPL-2.0-or-later
/* The files that `vfio-claim apply` owns beside those of the boot loader. */
#include "owned_files.h"

#include "text.h"
#include "udev_rule.h"

#define HEAD "# Made by `vfio-claim apply` from the configuration; do not edit.\n"

const char *const owned_file_paths[OWNED_FILE_COUNT] = {
	"etc/modprobe.d/vfio-claim.conf",
	/* Not the name of the rule in /run, which this one would hide. */
	"etc/udev/rules.d/71-vfio-claim.rules",
	"etc/dracut.conf.d/50-vfio-claim.conf",
};

/*
 * A second line of defence on the real root: should a display's driver be loaded by name there,
 * vfio-pci is first. The parameters are on the kernel command line too; here they also count
 * for a boot whose loader did not have them.
 */
static int render_modprobe(const struct config *config, const struct target *target,
			   char **ret_text)
{
	const struct host *host = &config->host;
	struct text text = { 0 };
	bool softdeps = host->blacklist == BLACKLIST_AUTO && target->blacklist.count > 0;

	if (!softdeps && !host->unsafe_interrupts && !host->ignore_msrs)
		return 0;
	text_add(&text, HEAD);
	for (size_t i = 0; softdeps && i < target->blacklist.count; i++)
		text_add(&text, "softdep %s pre: vfio-pci\n", target->blacklist.items[i]);
	if (host->unsafe_interrupts)
		text_add(&text, "options vfio_iommu_type1 allow_unsafe_interrupts=1\n");
	if (host->ignore_msrs)
		text_add(&text, "options kvm ignore_msrs=1\n");
	return text_take(&text, ret_text);
}

/* For a dracut.conf whose `dracutmodules=` names all that may go in. */
static int render_dracut(char **ret_text)
{
	struct text text = { 0 };

	text_add(&text, HEAD "add_dracutmodules+=\" vfio-claim \"\n");
	return text_take(&text, ret_text);
}

int owned_file_render(size_t index, const struct config *config, const struct target *target,
		      bool dracut, char **ret_text)
{
	*ret_text = NULL;
	switch (index) {
	case 0:
		return render_modprobe(config, target, ret_text);
	case 1:
		return config->claims.count > 0
			       ? udev_rule_render_installed(&config->claims, ret_text)
			       : 0;
	case 2:
		return dracut ? render_dracut(ret_text) : 0;
	default:
		return 0;
	}
}
