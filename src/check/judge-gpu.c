/* The GPUs and their driver. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "check/judge-part.h"

bool no_driver(const struct facts *facts, struct answer *ret)
{
	if (!facts->has_driver)
		answer_add(ret, VERDICT_UNKNOWN, "the driver does not answer");
	ret->borrowed = !facts->has_driver;
	return !facts->has_driver;
}

/* The GPUs of one board, and of no board before it; empty when it was seen before. */
static struct gpu_set same_board(const struct facts *facts, size_t first)
{
	const struct board *board = facts->gpus[first].info.board;
	struct gpu_set set = {0};

	for (size_t i = 0; i < facts->n_gpus; i++) {
		if (facts->gpus[i].info.board != board || facts->gpus[i].info.lost)
			continue;
		if (i < first)
			return (struct gpu_set){0};
		gpu_set_add(&set, i);
	}
	return set;
}

/* For each board here, and the GPUs that are one. */
#define BOARDS_EACH(board, set, facts)                                                             \
	for (size_t first_ = 0; first_ < (facts)->n_gpus; first_++)                                \
		for (struct gpu_set set = same_board(facts, first_); set.bits; set.bits = 0)       \
			for (const struct board *board = (facts)->gpus[first_].info.board; board;  \
			     board = NULL)

/* ---- does it answer ---- */

static void tell_bus(const struct facts *facts, struct answer *ret)
{
	if (facts->n_pci)
		answer_add(ret, VERDICT_FAIL,
			   "on the PCI bus: %zu of NVIDIA's GPUs, the first at %s with %s%s",
			   facts->n_pci, facts->pcis[0].address,
			   *facts->pcis[0].driver ? "driver " : "no driver", facts->pcis[0].driver);
}

void judge_driver(const struct facts *facts, struct answer *ret)
{
	if (!facts->has_driver) {
		answer_add(ret, VERDICT_FAIL, "%s", facts->driver_error.text);
		tell_bus(facts, ret);
		return;
	}
	if (!facts->n_gpus) {
		answer_add(ret, VERDICT_FAIL, "driver %s sees no GPU", facts->driver.driver);
		tell_bus(facts, ret);
		return;
	}
	answer_add(ret, VERDICT_PASS, "driver %s, %zu GPU%s", facts->driver.driver, facts->n_gpus,
		   facts->n_gpus == 1 ? "" : "s");
	if (*facts->driver.missing)
		answer_add(ret, VERDICT_WARN, "driver %s: its library lacks %.200s",
			   facts->driver.driver, facts->driver.missing);
}

/* ---- board ---- */

static bool is_lost(const struct fact_gpu *gpu)
{
	return gpu->info.lost;
}

/* In the catalogue with MIG, and yet: display mode, or an old VBIOS. */
static bool has_hidden_mig(const struct fact_gpu *gpu)
{
	return !gpu->info.lost && !gpu->info.mig_capable && gpu->info.board;
}

static bool has_no_mig(const struct fact_gpu *gpu)
{
	return !gpu->info.lost && !gpu->info.mig_capable && !gpu->info.board;
}

static bool is_uncatalogued(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && !gpu->info.board;
}

static void judge_board_by_bus(const struct facts *facts, struct answer *ret)
{
	if (facts->pci != SEEN_YES) {
		answer_add(ret, VERDICT_UNKNOWN, "neither the driver nor the PCI bus can be asked");
		return;
	}
	if (!facts->n_pci)
		answer_add(ret, VERDICT_FAIL, "there is no GPU of NVIDIA's on the PCI bus");
	for (size_t i = 0; i < facts->n_pci; i++) {
		const struct fact_pci *pci = &facts->pcis[i];
		const struct board *board = board_identify(NULL, (uint16_t)pci->device, 0);

		if (board)
			answer_add(ret, VERDICT_PASS, "%s: %s, by its PCI device id %04x",
				   pci->address, board->product, pci->device);
		else
			answer_add(ret, VERDICT_UNKNOWN,
				   "%s: carve knows no board with PCI device id %04x", pci->address,
				   pci->device);
	}
}

void judge_board(const struct facts *facts, struct answer *ret)
{
	struct gpu_set hidden;

	if (!facts->has_driver) {
		judge_board_by_bus(facts, ret);
		return;
	}
	BOARDS_EACH(board, set, facts)
	{
		answer_gpus(ret, VERDICT_PASS, facts, set, "%s", board->product);
	}
	hidden = gpus_that(facts, has_hidden_mig);
	answer_gpus(ret, VERDICT_FAIL, facts, gpus_that(facts, is_lost), "fallen off the bus");
	answer_gpus(ret, VERDICT_FAIL, facts, hidden,
		    "a board with MIG, which the driver does not offer");
	if (hidden.bits)
		answer_fix(ret,
			   "RTX PRO boards: set display mode to compute (DisplayModeSelector) and "
			   "bring the VBIOS up to date");
	answer_gpus(ret, VERDICT_WARN, facts, gpus_that(facts, has_no_mig), "no MIG on this board");
	answer_gpus(ret, VERDICT_UNKNOWN, facts, gpus_that(facts, is_uncatalogued),
		    "MIG, but the board is not in carve's catalogue");
	if (facts->n_gpus && !gpus_that(facts, gpu_is_capable).bits)
		answer_add(ret, VERDICT_FAIL, "no GPU here can be cut");
}

/* ---- versions ---- */

void judge_driver_board(const struct facts *facts, struct answer *ret)
{
	const char *driver = facts->driver.driver;

	if (no_driver(facts, ret))
		return;
	answer_add(ret, VERDICT_PASS, "driver %s", driver);
	BOARDS_EACH(board, set, facts)
	{
		if (!board->min_driver)
			answer_gpus(ret, VERDICT_UNKNOWN, facts, set,
				    "the least driver for %s is not known", board->product);
		else if (conf_version_compare(driver, board->min_driver) < 0)
			answer_gpus(ret, VERDICT_FAIL, facts, set,
				    "%s needs driver %s or later, this is %s", board->product,
				    board->min_driver, driver);
		else
			answer_gpus(ret, VERDICT_PASS, facts, set, "needs %s", board->min_driver);
	}
}

/* The profiles of a board that want a newer driver; returns how many. */
static unsigned too_new(const struct board *board, const char *driver, struct text *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < board->n_profiles; i++) {
		const char *wanted = board->profiles[i].requires_driver;

		if (wanted && conf_version_compare(driver, wanted) < 0)
			text_addf(ret, "%s%s (%s)", n++ ? ", " : "", board->profiles[i].name,
				  wanted);
	}
	if (board->compute_slices == 7 && conf_version_compare(driver, "510") < 0)
		text_addf(ret, "%s4g beside 3g (R510)", n++ ? ", " : "");
	return n;
}

void judge_driver_profiles(const struct facts *facts, struct answer *ret)
{
	if (no_driver(facts, ret))
		return;
	answer_add(ret, VERDICT_PASS, "driver %s has all that is catalogued", facts->driver.driver);
	BOARDS_EACH(board, set, facts)
	{
		cleanup(text_done) struct text list = TEXT_INIT;

		if (too_new(board, facts->driver.driver, &list))
			answer_gpus(ret, VERDICT_WARN, facts, set, "driver %s is too old for %s",
				    facts->driver.driver, text_str(&list));
	}
}

/* What is known about single versions. */
static const struct {
	const char *from, *to; /* both included */
	const char *board;     /* the beginning of its id; NULL: all */
	bool mig_off;	       /* matters only where MIG mode is off */
	enum verdict verdict;
	const char *what, *fix, *source;
} known_drivers[] = {
	{"570.124.06", "570.124.06", NULL, false, VERDICT_WARN,
	 "Kubernetes is told wrong devices when cut and whole GPUs are mixed",
	 "install 570.172.08 or later", "NVIDIA/gpu-operator#1361"},
	{"570.133.20", "570.133.20", NULL, false, VERDICT_WARN,
	 "Kubernetes is told wrong devices when cut and whole GPUs are mixed",
	 "install 570.172.08 or later", "NVIDIA/gpu-operator#1361"},
	{"570.148.08", "570.148.08", NULL, false, VERDICT_WARN,
	 "Kubernetes is told wrong devices when cut and whole GPUs are mixed",
	 "install 570.172.08 or later", "NVIDIA/gpu-operator#1361"},
	{"570.158.01", "570.158.01", NULL, false, VERDICT_WARN,
	 "Kubernetes is told wrong devices when cut and whole GPUs are mixed",
	 "install 570.172.08 or later", "NVIDIA/gpu-operator#1361"},
	{"575.57.08", "575.57.08", "rtx-pro-6000-blackwell-server", false, VERDICT_FAIL,
	 "no MIG on RTX PRO 6000 Server", "install another driver than 575.57.08",
	 "NVIDIA GPU Operator platform support"},
	{"535", "535.999", NULL, true, VERDICT_WARN, "cannot list profiles while MIG mode is off",
	 "turn MIG mode on first, or install a later driver", "NVML field 199"},
	{"580.65.06", "999999", "g", false, VERDICT_WARN,
	 "coherent memory (CDMM) is the default on Grace, and excludes MIG",
	 "load the driver with NVreg_CoherentGPUMemoryMode=numa",
	 "NVIDIA GPU Operator platform support"},
};

void judge_driver_known(const struct facts *facts, struct answer *ret)
{
	const char *driver = facts->driver.driver;

	if (no_driver(facts, ret))
		return;
	answer_add(ret, VERDICT_PASS, "nothing is known against driver %s", driver);
	for (size_t i = 0; i < ARRAY_SIZE(known_drivers); i++) {
		struct gpu_set set = {0};

		if (conf_version_compare(driver, known_drivers[i].from) < 0 ||
		    conf_version_compare(driver, known_drivers[i].to) > 0)
			continue;
		for (size_t k = 0; k < facts->n_gpus; k++) {
			const struct backend_gpu *gpu = &facts->gpus[k].info;
			const char *board = known_drivers[i].board;

			if ((board &&
			     (!gpu->board || strncmp(gpu->board->id, board, strlen(board)) != 0)) ||
			    (known_drivers[i].mig_off && (gpu->mig || !gpu->mig_capable)))
				continue;
			gpu_set_add(&set, k);
		}
		if (!set.bits)
			continue;
		answer_gpus(ret, known_drivers[i].verdict, facts, set, "driver %s: %s", driver,
			    known_drivers[i].what);
		answer_fix(ret, "%s", known_drivers[i].fix);
		snprintf(ret->source, sizeof(ret->source), "%s", known_drivers[i].source);
	}
}

void judge_driver_pair(const struct facts *facts, struct answer *ret)
{
	if (!facts->has_driver && strstr(facts->driver_error.text, "mismatch"))
		answer_add(ret, VERDICT_FAIL, "%s", facts->driver_error.text);
	else if (!facts->has_driver || facts->module == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "one of them cannot be asked");
	else if (facts->module == SEEN_NO)
		answer_add(ret, VERDICT_UNKNOWN,
			   "there is no /proc/driver/nvidia/version to compare with");
	else if (conf_version_compare(facts->module_version, facts->driver.driver) != 0)
		answer_add(ret, VERDICT_FAIL, "the module is %s, the library %s",
			   facts->module_version, facts->driver.driver);
	else
		answer_add(ret, VERDICT_PASS, "both are %s", facts->module_version);
}

/* ---- virtual machines ---- */

/* "NVIDIA A100-1-5C", "GRID A100X-40C": memory in GB and a letter for the licence. */
static bool is_virtual_gpu(const struct fact_gpu *gpu)
{
	size_t len = strlen(gpu->info.name), at = len - 1;

	if (len < 4 || !strchr("ABCQ", gpu->info.name[at]))
		return false;
	while (at && isdigit((unsigned char)gpu->info.name[at - 1]))
		at--;
	return at && at < len - 1 && gpu->info.name[at - 1] == '-';
}

static void judge_passed_through(const struct facts *facts, struct answer *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < facts->n_pci; i++)
		n += !strcmp(facts->pcis[i].driver, "vfio-pci");
	if (n)
		answer_add(ret, VERDICT_WARN, "%u GPU%s given to virtual machines (vfio-pci)", n,
			   n == 1 ? " is" : "s are");
}

void judge_virtual(const struct facts *facts, struct answer *ret)
{
	struct gpu_set reset = gpus_that(facts, gpu_needs_reset);
	const char *machine = *facts->machine ? facts->machine : "virtual machine";

	answer_gpus(ret, VERDICT_FAIL, facts, gpus_that(facts, is_virtual_gpu),
		    "a virtual GPU, which only its host can cut");
	judge_passed_through(facts, ret);
	if (facts->virtual_machine == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN,
			   "whether this is a virtual machine cannot be told");
	else if (facts->virtual_machine == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "no virtual machine%s%s", *facts->machine ? ": " : "",
			   facts->machine);
	else if (reset.bits)
		answer_gpus(ret, VERDICT_WARN, facts, reset,
			    "passed through to this guest (%s): a change of MIG mode takes effect "
			    "when the guest "
			    "is started again",
			    machine);
	else
		answer_add(ret, VERDICT_PASS, "a guest (%s); no GPU here needs a reset", machine);
}

/* ---- CUDA ---- */

static const char *least_cuda(const struct board *board)
{
	return board->cc_major >= 10 ? "12.8" : board->cc_major == 9 ? "11.8" : "11.0";
}

void judge_cuda(const struct facts *facts, struct answer *ret)
{
	char cuda[32];

	if (no_driver(facts, ret))
		return;
	if (!facts->driver.has_cuda) {
		answer_add(ret, VERDICT_UNKNOWN, "the driver does not tell its CUDA version");
		return;
	}
	snprintf(cuda, sizeof(cuda), "%u.%u", facts->driver.cuda_major, facts->driver.cuda_minor);
	answer_add(ret, VERDICT_PASS, "the driver has CUDA %s", cuda);
	BOARDS_EACH(board, set, facts)
	{
		if (conf_version_compare(cuda, least_cuda(board)) < 0)
			answer_gpus(ret, VERDICT_FAIL, facts, set,
				    "%s needs CUDA %s, the driver has %s", board->product,
				    least_cuda(board), cuda);
		if (facts->cuda_toolkit == SEEN_YES &&
		    conf_version_compare(facts->cuda_toolkit_version, least_cuda(board)) < 0)
			answer_gpus(ret, VERDICT_WARN, facts, set,
				    "/usr/local/cuda is %s, %s needs %s",
				    facts->cuda_toolkit_version, board->product, least_cuda(board));
	}
	/* Within one major version an older driver runs what a newer toolkit built; not beyond. */
	if (facts->cuda_toolkit == SEEN_YES &&
	    (unsigned)strtoul(facts->cuda_toolkit_version, NULL, 10) > facts->driver.cuda_major)
		answer_add(ret, VERDICT_WARN,
			   "/usr/local/cuda is %s, too new for the driver's CUDA %s",
			   facts->cuda_toolkit_version, cuda);
	else if (facts->cuda_toolkit == SEEN_YES)
		answer_add(ret, VERDICT_PASS, "/usr/local/cuda is %s", facts->cuda_toolkit_version);
	else if (facts->cuda_toolkit == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "no toolkit in /usr/local/cuda");
}
