import { say } from "./words.js";

/** What the policy is, in the page's words; the feed says it in English, for programs. Pure. */
export function policyWords(policy) {
  const { profile, k, rounding_points: points, window_s: window } = policy;
  const [computed, leaves, never] = ["computed", "leaves", "never"].map((row) => say(`policy.${row}.${profile}`, { k, points, window }) || policy[row]);
  return { ...policy, computed, leaves, never, opting_out: say("policy.opting_out", { page: say("policy.privacy_page") }) };
}
