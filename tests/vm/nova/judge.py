# SPDX-License-Identifier: GPL-2.0-or-later
"""Judges what `vfio-claim export nova` wrote by Nova's own code.

Runs where Nova is installed, with the cases of the test in /mnt. A case is a directory with

  machine        the name of a directory in /mnt/machines, which has the machine's sys
  compute.conf   for nova-compute
  controller.conf, flavors   for the controllers, and the commands for flavors (optional)
  expected       the addresses of the devices that are given to guests, one a line
  aliases        NAME ADDRESS...: what a flavor that asks for all of NAME gets (optional)
  classes        CLASS NUMBER: the inventory in Placement (optional)

Prints one line a case: "ok NAME" or "not ok NAME: why". `judge.py refusals` gives Nova, by hand,
what vfio-claim refuses to write, and prints what Nova makes of each. `judge.py ini` reads ini.conf
with oslo.config and compares it with ini.strings (tests/tools/quotes.py).
"""

import os
import re
import sys

CASES = "/mnt/cases"
MACHINES = "/mnt/machines"
DEVICES = "/sys/bus/pci/devices"

import nova.conf  # noqa: E402
from oslo_config import cfg  # noqa: E402
from nova import context, exception, objects  # noqa: E402
from nova.compute import pci_placement_translator as translator  # noqa: E402
from nova.pci import request, stats, whitelist  # noqa: E402

CONF = nova.conf.CONF
objects.register_all()


class Wrong(Exception):
    """What Nova makes of it is not what was meant."""


def must(condition, *words):
    if not condition:
        raise Wrong(" ".join(str(word) for word in words))


def read(*path):
    with open(os.path.join(*path)) as file:
        return file.read()


# --- The machine, as libvirt tells Nova of it


def use_machine(name):
    """Makes the machine's sys this root's, where nova.pci.utils looks."""
    if os.path.islink("/sys/bus"):
        os.unlink("/sys/bus")
    os.symlink(f"{MACHINES}/{name}/sys/bus", "/sys/bus")


def attribute(address, name, otherwise=None):
    try:
        return read(DEVICES, address, name).strip()
    except OSError:
        return otherwise


def ids_of(address):
    vendor, product = attribute(address, "vendor"), attribute(address, "device")
    if vendor is None:
        found = re.search(r"PCI_ID=(\w+):(\w+)", attribute(address, "uevent"))
        vendor, product = found.groups()
    return f"{int(vendor, 16):04x}", f"{int(product, 16):04x}"


def describe(address):
    """As nova.virt.libvirt.host: Host._get_pcidev_info()."""
    vendor, product = ids_of(address)
    parent = None
    kind = "type-PCI"
    if os.path.islink(f"{DEVICES}/{address}/physfn"):
        parent = os.path.basename(os.readlink(f"{DEVICES}/{address}/physfn"))
        kind = "type-VF"
    elif int(attribute(address, "sriov_totalvfs", "0")) > 0:
        kind = "type-PF"
    node = int(attribute(address, "numa_node", "-1"))
    return {
        "dev_id": "pci_" + re.sub("[:.]", "_", address),
        "address": address,
        "vendor_id": vendor,
        "product_id": product,
        "label": f"label_{vendor}_{product}",
        "numa_node": node if node >= 0 else None,
        "dev_type": kind,
        "parent_addr": parent,
        "compute_node_id": 1,
    }


def machine_devices():
    return [describe(address) for address in sorted(os.listdir(DEVICES))]


def assignable(devices):
    """The devices that guests may have, as nova.pci.manager finds them."""
    filter_ = whitelist.Whitelist(CONF.pci.device_spec)
    found = []
    for device in devices:
        try:
            if filter_.device_assignable(device):
                found.append(device)
        except exception.PciConfigInvalidSpec:
            # An address that Nova cannot read: it passes over the device.
            must(len(device["address"].split(":")[0]) > 4, device["address"])
    return found


def pci_objects(devices):
    """As nova.pci.manager makes and ties them."""
    made = [objects.PciDevice.create(context.get_admin_context(), dict(d))
            for d in assignable(devices)]
    for device in made:
        device.parent_device = next((p for p in made if p.address == device.parent_addr), None)
        device.child_devices = [c for c in made if c.parent_addr == device.address]
    return made


# --- One case


def load(path):
    """Reads the file with oslo.config; every option in it must be one of Nova's."""
    CONF([], project="nova", default_config_files=[path], default_config_dirs=[])
    group = None
    for line in read(path).splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line and line[0] not in "#":
            name = line.split("=")[0].strip()
            where = CONF if group == "DEFAULT" else getattr(CONF, group)
            old = name in ("pci_passthrough_whitelist", "pci_alias", "passthrough_whitelist")
            must(old or hasattr(where, name), path, "has", group, name, "which Nova has not")


def pools(devices):
    """Nova's pools of the devices that the configuration that is loaded lets guests have."""
    made = stats.PciDeviceStats(objects.NUMATopology(cells=[]),
                                dev_filter=whitelist.Whitelist(CONF.pci.device_spec))
    for device in pci_objects(devices):
        made.add_device(device)
    return made


def consume(devices, wanted):
    """The addresses that a flavor gets which asks for `wanted`: "alias:number,..."."""
    requests = request._translate_alias_to_requests(wanted)
    got = pools(devices).consume_requests(requests)
    return {device.address for device in got}


def takes(devices):
    return sorted(device["address"] for device in assignable(devices))


def check_devices(devices, expected):
    matched = set(takes(devices))
    must(matched == expected, "Nova takes", sorted(matched - expected), "too and leaves out",
         sorted(expected - matched))


def check_aliases(case, devices, expected):
    aliases = request._get_alias_from_config()
    must(aliases, "no alias")
    for name in aliases:
        got = consume(devices, f"{name}:1")
        must(len(got) == 1 and got <= expected, "alias", name, "gets", got)
    if os.path.exists(f"{case}/flavors"):
        asked = re.findall(r"pci_passthrough:alias=(\S+):1'", read(case, "flavors"))
        must(asked and set(asked) <= set(aliases), "flavors ask for", asked)
    if not os.path.exists(f"{case}/aliases"):
        return
    for line in read(case, "aliases").splitlines():
        name, *addresses = line.split()
        got = consume(devices, f"{name}:{len(addresses)}")
        must(got == set(addresses), "alias", name, "gets", sorted(got))
        try:
            more = consume(devices, f"{name}:{len(addresses) + 1}")
        except exception.PciDeviceRequestFailed:
            continue
        raise Wrong(f"alias {name} gets one more: {sorted(more)}")


def placement(devices):
    """What is reported to Placement: {class: number}."""
    view = translator.PlacementView("host", [])
    filter_ = whitelist.Whitelist(CONF.pci.device_spec)
    for device in pci_objects(devices):
        spec = filter_.get_devspec(device)
        if spec:
            view._add_dev(device, spec.get_tags())
    found = {}
    for provider in view.rps.values():
        number = found.get(provider.resource_class, 0)
        found[provider.resource_class] = number + len(provider.devs)
    return found


def check_placement(case, devices):
    if not CONF.pci.report_in_placement:
        must(not os.path.exists(f"{case}/classes"), "report_in_placement is off")
        return
    found = placement(devices)
    if os.path.exists(f"{case}/classes"):
        want = dict(line.split() for line in read(case, "classes").splitlines())
        must(found == {name: int(number) for name, number in want.items()}, "classes", found)


def check_controller(case, devices, expected):
    compute_aliases = CONF.pci.alias
    load(f"{case}/controller.conf")
    must(CONF.pci.alias == compute_aliases, "the controllers have other aliases")
    filters = list(CONF.filter_scheduler.enabled_filters)
    text = read(case, "controller.conf")
    if re.search("^enabled_filters", text, re.M):
        own = next(o["opt"].default for o in [CONF._get_opt_info(
            "enabled_filters", CONF._get_group("filter_scheduler"))])
        must(filters == list(own) + ["PciPassthroughFilter"], "filters", filters)
    must(CONF.filter_scheduler.pci_weight_multiplier == 1.0, "weigher")


def judge(name):
    case = f"{CASES}/{name}"
    use_machine(read(case, "machine").strip())
    devices = machine_devices()
    expected = set(read(case, "expected").split())
    load(f"{case}/compute.conf")
    check_devices(devices, expected)
    check_aliases(case, devices, expected)
    check_placement(case, devices)
    if os.path.exists(f"{case}/controller.conf"):
        check_controller(case, devices, expected)


# --- What vfio-claim refuses, given to Nova by hand


def given(specs, aliases=(), in_placement=False):
    CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    CONF.set_override("device_spec", list(specs), group="pci")
    CONF.set_override("alias", list(aliases), group="pci")
    if hasattr(CONF.filter_scheduler, "pci_in_placement"):
        CONF.set_override("pci_in_placement", in_placement, group="filter_scheduler")


def wide_address():
    given(['{"address": "10000:01:00.0", "vendor_id": "10de", "product_id": "1c30"}'])
    whitelist.Whitelist(CONF.pci.device_spec)


def wide_ids():
    use_machine("domains")
    given(['{"vendor_id": "144d", "product_id": "a80a"}'])
    found = [a for a in os.listdir(DEVICES) if ids_of(a) == ("144d", "a80a")]
    return f"of {sorted(found)} takes {takes(machine_devices())}"


def function_and_virtual():
    use_machine("sriov")
    given(['{"vendor_id": "8086", "product_id": "1520"}',
           '{"vendor_id": "8086", "product_id": "1521"}'])
    placement(machine_devices())


def virtual_classes():
    use_machine("sriov")
    given(['{"address": "0000:05:10.0", "resource_class": "CUSTOM_A"}',
           '{"address": "0000:05:10.4", "resource_class": "CUSTOM_B"}'])
    placement(machine_devices())


def virtual_traits():
    use_machine("sriov")
    given(['{"address": "0000:05:10.0", "traits": "CUSTOM_A"}',
           '{"address": "0000:05:10.4", "traits": "CUSTOM_B"}'])
    placement(machine_devices())


ALIAS = '{"name": "a", "vendor_id": "10de", "product_id": "%s", "device_type": "%s"%s}'


def alias_numa():
    given([], [ALIAS % ("1c30", "type-PCI", ', "numa_policy": "required"'),
               ALIAS % ("1c31", "type-PCI", "")])
    request._get_alias_from_config()


def alias_type():
    given([], [ALIAS % ("1c30", "type-PCI", ""), ALIAS % ("1c31", "type-PF", "")])
    request._get_alias_from_config()


def alias_two_kinds():
    given([], [ALIAS % ("1c30", "type-PCI", ""), ALIAS % ("1c31", "type-PCI", "")], True)
    requests = request._translate_alias_to_requests("a:1")
    made = objects.RequestSpec(
        pci_requests=objects.InstancePCIRequests(requests=requests), requested_resources=[])
    if not hasattr(made, "generate_request_groups_from_pci_requests"):
        return "this release has no pci_in_placement"
    made.generate_request_groups_from_pci_requests()
    return f"asks for {[g.resources for g in made.requested_resources]}"


def alias_two_names():
    use_machine("twin-gpus")
    given(['{"vendor_id": "10de", "product_id": "1c30"}'],
          [ALIAS % ("1c30", "type-PCI", ""),
           (ALIAS % ("1c30", "type-PCI", "")).replace('"a"', '"b"')])
    devices = machine_devices()
    return f"a gets {sorted(consume(devices, 'a:2'))}, b gets {sorted(consume(devices, 'b:2'))}"


def alias_open():
    use_machine("twin-gpus")
    given(['{"vendor_id": "10de"}'], ['{"name": "a", "vendor_id": "10de"}'])
    return f"a gets {sorted(consume(machine_devices(), 'a:4'))}"


def wrong_type():
    use_machine("sriov")
    given(['{"vendor_id": "8086", "product_id": "4940"}'],
          ['{"name": "a", "vendor_id": "8086", "product_id": "4940", "device_type": "type-PCI"}'])
    consume(machine_devices(), "a:1")


def twin_by_ids():
    use_machine("twin-gpus")
    given(['{"vendor_id": "10de", "product_id": "1c30"}'])
    return f"takes {takes(machine_devices())}"


def function_takes_virtual():
    use_machine("sriov")
    given(['{"address": "0000:05:00.0", "vendor_id": "8086"}'])
    return f"takes {takes(machine_devices())}"


def unknown_key():
    given(['{"vendor_id": "10de", "one_time_use": "yes"}'])
    tags = whitelist.Whitelist(CONF.pci.device_spec).specs[0].get_tags()
    return f"keeps {tags}"


def no_socket():
    given([], [ALIAS % ("1c30", "type-PCI", ', "numa_policy": "sockets"')])
    request._get_alias_from_config()


REFUSALS = [wide_address, wide_ids, function_and_virtual, virtual_classes, virtual_traits,
            alias_numa, alias_type, alias_two_kinds, alias_two_names, alias_open, wrong_type,
            twin_by_ids, function_takes_virtual, unknown_key, no_socket]


def refusals():
    for refusal in REFUSALS:
        try:
            print(refusal.__name__, "accepted:", refusal())
        except Exception as error:  # whatever Nova says
            print(refusal.__name__, "refused:", type(error).__name__)


def cases():
    failed = 0
    for name in sorted(os.listdir(CASES)):
        try:
            judge(name)
            print("ok", name)
        except Exception as error:
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}")
    return failed > 0


def ini():
    strings = read("/mnt/ini.strings").split("\0")[:-1]
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.MultiStrOpt(f"o{n}") for n in range(len(strings))], group="group")
    conf([], default_config_files=["/mnt/ini.conf"], default_config_dirs=[])
    for number, string in enumerate(strings):
        got = conf.group[f"o{number}"]
        must(got == [string], repr(string), "is read as", repr(got))
    print("read", len(strings))


if __name__ == "__main__":
    sys.exit({"refusals": refusals, "ini": ini}.get("".join(sys.argv[1:]), cases)())
