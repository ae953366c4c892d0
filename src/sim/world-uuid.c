#include "sim/world-part.h"

#include <stdio.h>
#include <string.h>

#include "sim/sha1.h"

/*
 * The driver makes UUIDs from what a board is and where an instance lies, so
 * that the same slot has the same UUID again (NVIDIA's open kernel modules,
 * gpu_uuid.c): a hash over a name space, a word, and numbers in little endian,
 * each part after its length. Where the driver has the number of the chip, we
 * have the PCI device id, which the facts know for every board.
 */
static const uint8_t name_space[16] = {0xc8, 0x16, 0xc9, 0xa3, 0x52, 0x24, 0x56, 0xbf,
				       0x9d, 0x9a, 0xac, 0x7e, 0xa7, 0x03, 0xfb, 0x5b};

struct message {
	uint8_t bytes[64];
	size_t len;
};

static void add_bytes(struct message *message, const void *bytes, size_t len)
{
	memcpy(message->bytes + message->len, bytes, len);
	message->len += len;
}

static void add_number(struct message *message, uint64_t number, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		message->bytes[message->len++] = (uint8_t)(number >> (8 * i));
}

static struct message gpu_message(const struct world_gpu *gpu)
{
	struct message message = {.len = 0};

	add_bytes(&message, name_space, sizeof(name_space));
	add_bytes(&message, "NVIDIA GPU", 10);
	add_number(&message, 2, 1);
	add_number(&message, gpu->pci_device_id, 2);
	add_number(&message, 8, 1);
	add_number(&message, gpu->board_number, 8);
	return message;
}

/* A version 5 UUID (RFC 9562) of the message. */
static void write_uuid(const char *prefix, const struct message *message, char *buf, size_t size)
{
	uint8_t u[SHA1_SIZE];

	sha1_digest(message->bytes, message->len, u);
	u[6] = (uint8_t)((u[6] & 0x0f) | 0x50);
	u[8] = (uint8_t)((u[8] & 0x3f) | 0x80);
	snprintf(buf, size,
		 "%s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", prefix,
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
}

void world_gpu_uuid(const struct world_gpu *gpu, char *buf, size_t size)
{
	struct message message = gpu_message(gpu);

	write_uuid("GPU", &message, buf, size);
}

void world_mig_uuid(const struct world_gpu *gpu, unsigned gi, unsigned ci, char *buf, size_t size)
{
	const struct board *board = world_board(gpu);
	const struct world_gi *at = &gpu->gis[gi];
	struct message message = gpu_message(gpu);
	/* A compute slice has one system pipe; memory units are as many or three times as many. */
	unsigned pipe = world_physical_start(gpu, at->start) * board->memory_slices / board->units +
			at->cis[ci].start;

	add_number(&message, 3 + 4 + 4, 1);
	add_bytes(&message, "SMC", 3);
	add_number(&message, gi, 4);
	add_number(&message, pipe, 4);
	write_uuid("MIG", &message, buf, size);
}
