/* carve itself. */
#include <string.h>

#include "check/judge-part.h"

static void judge_in_force(const struct facts *facts, struct answer *ret)
{
	if (strcmp(facts->policy_path, facts->carved_policy_path) != 0) {
		answer_add(ret, VERDICT_WARN,
			   "carved has its policy from %s, this report is about %s",
			   facts->carved_policy_path, facts->policy_path);
		answer_fix(ret, "name that file with --policy");
	} else if (facts->has_policy_changed && facts->policy_changed_s > facts->carved_loaded_s) {
		answer_add(ret, VERDICT_WARN, "%s was written after carved read it",
			   facts->policy_path);
		answer_fix(ret, "carve policy reload");
	}
}

void judge_daemon(const struct facts *facts, struct answer *ret)
{
	if (facts->carved == SEEN_YES && facts->carved_policy_refused) {
		answer_add(ret, VERDICT_FAIL, "%s, but it refused the policy: %s",
			   facts->carved_text, facts->carved_error.text);
		answer_fix(ret, "mend it, then: carve policy reload");
	} else if (facts->carved == SEEN_YES) {
		answer_add(ret, VERDICT_PASS, "%s", facts->carved_text);
		judge_in_force(facts, ret);
	} else {
		answer_add(ret, VERDICT_UNKNOWN,
			   "%s; leases, strangers and what is in force are known to carved alone",
			   facts->carved == SEEN_NO ? facts->carved_error.text
						    : "it was not asked");
	}
}

void judge_boot(const struct facts *facts, struct answer *ret)
{
	if (facts->carved_enabled == SEEN_YES)
		answer_add(ret, VERDICT_PASS, "carved.service is enabled");
	else if (facts->carved_enabled == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "/etc/systemd/system cannot be read");
	else
		answer_add(ret, VERDICT_WARN, "carved.service is not enabled");
}

void judge_strangers(const struct facts *facts, struct answer *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < facts->n_gpus; i++)
		n += facts->gpus[i].n_instances;
	if (facts->carved == SEEN_YES && facts->carved_strangers)
		answer_add(ret, VERDICT_WARN, "%u made by somebody else and left alone",
			   facts->carved_strangers);
	else if (facts->carved == SEEN_YES)
		answer_add(ret, VERDICT_PASS, "none was made by somebody else");
	else if (facts->has_driver && !n)
		answer_add(ret, VERDICT_PASS, "there are none");
	else
		answer_add(ret, VERDICT_UNKNOWN, "only carved knows which are its own");
}
