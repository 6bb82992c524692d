// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stand-in-kernel ROOT COMMAND ARGUMENT...: runs the command, and does to the machine tree ROOT
 * what the kernel would when it writes to driver_override, unbind, bind or drivers_probe. Each
 * such write(2) is held by seccomp (seccomp_unotify(2)) until the tree is changed, so that the
 * command reads back what it has done. Other writes go their way.
 *
 * ROOT/kernel says which drivers there are, in the order in which they were registered:
 *
 *     driver NAME [VVVV:DDDD...]     a driver and what it takes without an override
 *     fail NAME ADDRESS ERRNO        its probe of that device fails
 *     stuck ADDRESS ERRNO            whoever has that device does not let go
 *
 * Only drivers that have a directory in sys/bus/pci/drivers are loaded. Every write is added to
 * ROOT/writes: "PATH VALUE".
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 4096 };

static const char *root;

static void die(const char *what)
{
	perror(what);
	exit(99);
}

static void path_of(char out[SIZE], const char *address, const char *name)
{
	(void)snprintf(out, SIZE, "%s/sys/bus/pci/devices/%s/%s", root, address, name);
}

static void read_file(const char *path, char out[SIZE])
{
	FILE *stream = fopen(path, "r");
	size_t length = stream ? fread(out, 1, SIZE - 1, stream) : 0;

	out[length] = '\0';
	if (stream != NULL)
		(void)fclose(stream);
}

static void write_file(const char *path, const char *mode, const char *text)
{
	FILE *stream = fopen(path, mode);

	if (stream == NULL || fputs(text, stream) < 0 || fclose(stream) != 0)
		die(path);
}

/* The driver that has the device; empty for none. */
static void driver_of(const char *address, char out[SIZE])
{
	char path[SIZE];
	char target[SIZE];

	path_of(path, address, "driver");
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	const char *slash = strrchr(target, '/');
	(void)snprintf(out, SIZE, "%s", slash ? slash + 1 : target);
}

/* The uevent attribute has the driver too. */
static void set_driver(const char *address, const char *driver)
{
	char path[SIZE];
	char uevent[SIZE];
	char target[SIZE];

	path_of(path, address, "uevent");
	read_file(path, uevent);
	char *rest = strncmp(uevent, "DRIVER=", 7) == 0 ? strchr(uevent, '\n') + 1 : uevent;
	FILE *stream = fopen(path, "w");
	if (stream == NULL)
		die(path);
	if (*driver != '\0')
		(void)fprintf(stream, "DRIVER=%s\n", driver);
	(void)fputs(rest, stream);
	(void)fclose(stream);

	path_of(path, address, "driver");
	(void)unlink(path);
	(void)snprintf(target, SIZE, "%.2000s/sys/bus/pci/drivers/%.100s", root, driver);
	if (*driver != '\0' && symlink(target, path) < 0)
		die(path);
}

static int is_loaded(const char *driver)
{
	char path[SIZE];

	(void)snprintf(path, SIZE, "%s/sys/bus/pci/drivers/%s", root, driver);
	return access(path, F_OK) == 0;
}

/* The number behind "WORD A B" or "WORD A" in ROOT/kernel; 0 where there is no such line. */
static int number_of(const char *words)
{
	char path[SIZE];
	char text[SIZE];
	char *rest = NULL;

	(void)snprintf(path, SIZE, "%s/kernel", root);
	read_file(path, text);
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, words, strlen(words)) == 0 && line[strlen(words)] == ' ')
			return atoi(line + strlen(words));
	return 0;
}

static int matches(const char *driver, const char *ids, const char *address)
{
	char path[SIZE];
	char override[SIZE];
	char vendor[SIZE];
	char device[SIZE];
	char id[16];

	path_of(path, address, "driver_override");
	read_file(path, override);
	override[strcspn(override, "\n")] = '\0';
	if (strcmp(override, "(null)") != 0)
		return strcmp(override, driver) == 0;
	path_of(path, address, "vendor");
	read_file(path, vendor);
	path_of(path, address, "device");
	read_file(path, device);
	(void)snprintf(id, sizeof(id), "%.4s:%.4s", vendor + 2, device + 2);
	return strstr(ids, id) != NULL;
}

static int probe(const char *driver, const char *address)
{
	char words[SIZE];

	(void)snprintf(words, SIZE, "fail %s %s", driver, address);
	int error = number_of(words);
	if (error == 0)
		set_driver(address, driver);
	return -error;
}

/* Every loaded driver that matches, or `only` that one, until one takes the device. */
static int try_drivers(const char *address, const char *only)
{
	char path[SIZE];
	char text[SIZE];
	char *rest = NULL;
	int result = -ENODEV;

	(void)snprintf(path, SIZE, "%s/kernel", root);
	read_file(path, text);
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char name[64];
		int end = 0;

		if (sscanf(line, "driver %63s%n", name, &end) != 1 || !is_loaded(name) ||
		    (only != NULL && strcmp(name, only) != 0) ||
		    !matches(name, line + end, address))
			continue;
		result = probe(name, address);
		if (result == 0)
			return 0;
	}
	return result;
}

static int unbind(const char *driver, const char *address)
{
	char now[SIZE];
	char words[SIZE];

	driver_of(address, now);
	if (strcmp(now, driver) != 0)
		return -ENODEV;
	(void)snprintf(words, SIZE, "stuck %s", address);
	int error = number_of(words);
	if (error == 0)
		set_driver(address, "");
	return -error;
}

static int is_device(const char *address)
{
	char path[SIZE];

	path_of(path, address, "uevent");
	return access(path, F_OK) == 0;
}

static int set_override(const char *path, const char *value)
{
	char text[SIZE];

	(void)snprintf(text, SIZE, "%.100s\n", *value ? value : "(null)");
	write_file(path, "w", text);
	return 0;
}

/* What the kernel answers to VALUE written to PATH; 1: nothing of ours. */
static int react(const char *path, char *value)
{
	const char *name = strrchr(path, '/') + 1;
	char log[SIZE];
	char line[SIZE];
	char now[SIZE];

	if (strncmp(path, root, strlen(root)) != 0 || strstr(path, "/sys/") == NULL)
		return 1;
	value[strcspn(value, "\n")] = '\0';
	(void)snprintf(log, SIZE, "%s/writes", root);
	(void)snprintf(line, SIZE, "%.3000s %.100s\n", strstr(path, "/sys/") + 1, value);
	write_file(log, "a", line);
	if (strcmp(name, "driver_override") == 0)
		return set_override(path, value);
	if (!is_device(value))
		return -ENODEV;
	driver_of(value, now);
	if (strcmp(name, "drivers_probe") == 0) {
		if (*now == '\0')
			(void)try_drivers(value, NULL);
		return 0;
	}
	/* .../drivers/NAME/bind */
	char driver[SIZE];
	(void)snprintf(driver, SIZE, "%.*s", (int)(name - path - 1), path);
	memmove(driver, strrchr(driver, '/') + 1, strlen(strrchr(driver, '/')));
	if (strcmp(name, "unbind") == 0)
		return unbind(driver, value);
	return *now != '\0' ? -EBUSY : try_drivers(value, driver);
}

/* ---- Seccomp */

static int install_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("no_new_privs");
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* One descriptor over a socket: sent where `send` is not negative, else received. */
static int pass(int socket, int send)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };

	if (send < 0 && (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 ||
			 CMSG_FIRSTHDR(&message) == NULL))
		die("recvmsg");
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (send < 0) {
		memcpy(&send, CMSG_DATA(header), sizeof(send));
		return send;
	}
	*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS,
				    .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(header), &send, sizeof(send));
	if (sendmsg(socket, &message, 0) != 1)
		die("sendmsg");
	return 0;
}

static int answer(const struct seccomp_notif *request)
{
	char link[64];
	char path[SIZE];
	char value[SIZE];
	size_t length = request->data.args[2];
	struct iovec here = { value, length < SIZE - 1 ? length : SIZE - 1 };
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process */
	struct iovec there = { (void *)(size_t)request->data.args[1], here.iov_len };

	(void)snprintf(link, sizeof(link), "/proc/%u/fd/%d", request->pid,
		       (int)request->data.args[0]);
	ssize_t bytes = readlink(link, path, sizeof(path) - 1);
	if (bytes <= 0 || path[0] != '/')
		return 1;
	path[bytes] = '\0';
	bytes = process_vm_readv((pid_t)request->pid, &here, 1, &there, 1, 0);
	if (bytes < 0)
		return 1;
	value[bytes] = '\0';
	return react(path, value);
}

static void serve(int listener)
{
	struct seccomp_notif request;
	struct pollfd poller = { .fd = listener, .events = POLLIN };

	while (poll(&poller, 1, -1) >= 0 && (poller.revents & POLLIN) != 0) {
		struct seccomp_notif_resp response = { 0 };

		memset(&request, 0, sizeof(request));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
			continue;
		int result = answer(&request);
		response.id = request.id;
		if (result > 0)
			response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		else if (result < 0)
			response.error = result;
		else
			response.val = (long long)request.data.args[2];
		(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

int main(int count, char **arguments)
{
	int sockets[2];
	int status;

	if (count < 3)
		return 99;
	root = realpath(arguments[1], NULL);
	if (root == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		die(arguments[1]);
	pid_t child = fork();
	if (child == 0) {
		int listener = install_filter();

		if (listener < 0)
			die("seccomp");
		(void)pass(sockets[1], listener);
		(void)close(listener);
		(void)execvp(arguments[2], arguments + 2);
		_exit(99);
	}
	(void)close(sockets[1]);
	serve(pass(sockets[0], -1));
	if (waitpid(child, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}
