// What the server says of the registry.

export type ListedModel = {
  name: string, description: string, tags: Record<string, string>, creation_time: number, last_updated: number, versions: number,
  latest: {version: number, stage: string} | null, aliases: Record<string, number>, stages: Record<string, number>,
};

export type Model = ListedModel & {gates: string[], user: string | null, may_edit: boolean, may_manage: boolean};

export type MadeBy = {run_id: string, run_name: string, experiment_id: string, status: string, lifecycle_stage: string, values: Record<string, any>};

export type AnyVersion = {
  version: number, stage: string, aliases: string[], status: string, creation_time: number, last_updated: number, user_id: string | null,
  description: string, tags: Record<string, string>, run_id: string | null, model_id: string | null, source: string | null,
};

export type ListedVersion = AnyVersion & {run: MadeBy | null};

export type SignatureRow = {part: string, name: string | null, type: string, required: string, default: string | null};

export type Contents = {
  missing: string | null, signature: SignatureRow[] | null, flavors: Record<string, Record<string, any>>, requirements: string | null,
  utc_time_created?: string, model_size_bytes?: number, metadata?: any,
};

export type Origin = {
  run_id: string, run_name: string, experiment_id: string, experiment_name: string, source_name: string | null, git_commit: string | null,
  git_branch: string | null, git_repository: string | null, git_dirty: boolean | null,
  datasets: {name: string, digest: string, source_type: string, source: string, context: string | null}[],
  status: string, lifecycle_stage: string, start_time: number, metrics: Record<string, number | string>, metrics_total: number,
  params: Record<string, string>, params_total: number,
};

export type Approval = {target: string, user_id: string, at_ms: number, comment: string | null};

export type Check = {check: string, passed: boolean, details: string | null, user_id: string | null, at_ms: number};

export type Version = AnyVersion & {run: Origin | null, contents: Contents, approvals: Approval[], checks: Check[]};

export type Rule = {rule: string, demanded: string, actual: string, met: boolean};

export type Report = {target: string, passed: boolean, rules: Rule[]};

export type Gate = {
  require: string | null, signature: boolean, pinned_environment: boolean, tags: string[], better_than: string | null, approvals: number,
  checks: string[], user_id: string | null, set_ms: number,
};

export type Target = {target: string, holders: number[], held: number, gate: Gate | null, report: Report | null};

export type Event = {number: number, at_ms: number, user_id: string | null, action: string, name: string, version: number | null, payload: Record<string, any>, hash: string};
