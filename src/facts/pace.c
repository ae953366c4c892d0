#include "facts/pace.h"

#include <string.h>

#include "base/array.h"

#define FAR "FAR, arXiv 2507.13601 (artecs-group/FAR_MIG_scheduler)"

/* By compute slices; 5 and 6 slices do not exist, nor does 3g on A30. */
static const struct family {
	const char *architecture;
	uint8_t compute_slices;
	uint16_t create_ms[8], destroy_ms[8];
} families[] = {
	/* A30 */
	{"Ampere",
	 4,
	 {0, 110, 120, 130, 130, 130, 130, 130},
	 {0, 100, 100, 100, 100, 100, 100, 100}},
	/* A100 */
	{"Ampere",
	 7,
	 {0, 160, 170, 200, 210, 240, 240, 240},
	 {0, 200, 200, 210, 210, 220, 220, 220}},
	/* H100; the last one stands for all others */
	{"Hopper",
	 7,
	 {0, 160, 210, 330, 380, 420, 420, 420},
	 {0, 210, 230, 250, 260, 260, 260, 260}},
};

struct pace board_pace(const struct board *board, unsigned compute_slices)
{
	unsigned slices = compute_slices < 8 ? compute_slices : 7;
	const struct family *family = families, *last = &families[ARRAY_SIZE(families) - 1];
	bool same;

	for (;; family++) {
		same = !strcmp(family->architecture, board->architecture) &&
		       family->compute_slices == board->compute_slices;
		if (same || family == last)
			break;
	}
	return (struct pace){family->create_ms[slices], family->destroy_ms[slices], same, FAR};
}

struct pace profile_pace(const struct board *board, const struct profile *profile)
{
	return board_pace(board, profile->compute_slices);
}
