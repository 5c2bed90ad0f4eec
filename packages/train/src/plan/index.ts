/** Plans of a run: the candidates, the choice among them, and their plugins. */
export { planCandidates, planTraining, planWithLatents } from "./candidates.js";
export { candidateNames, choiceSentence, planLines, type CandidateRecord, type ChoiceRecord } from "./choice.js";
export { choosePlan, type ChosenPlan } from "./choose.js";
export { createCodec, createQuantizer, createTransform } from "./create.js";
export { requireEnoughVectors } from "./plan.js";
export type { PlanInput, PlanSummary, PluginSelection, TrainingPlan } from "./plan.js";
