/*
 * sha1.h - SHA-1 (FIPS 180-4), as the driver uses it to make UUIDs
 *
 * For names only: nothing here is kept secret or safe by it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE 20

void sha1_digest(const void *bytes, size_t len, uint8_t ret[SHA1_SIZE]);
