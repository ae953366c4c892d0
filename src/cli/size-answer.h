/*
 * size-answer.h - how carve size tells the GPUs of one board
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "planner/pack.h"

/* {board, gpus, bound, layouts} */
json_t *size_answer_json(const struct board *board, const struct pack *pack);

/* "BOARD: N GPUs", and a line a layout. */
void size_answer_print(const struct board *board, const struct pack *pack);
