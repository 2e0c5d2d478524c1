// Reads {policies: {id: document}, cases: [case]} from stdin, and writes one verdict a case.
// A case names its policies by id: identity, boundary, resource.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const { policies, cases } = JSON.parse(readFileSync(0, "utf8"));
const listed = (ids) => ids.map((id) => ({ name: id, policy: policies[id] }));

async function verdict(asked) {
  const simulation = {
    request: {
      principal: asked.principal,
      action: asked.action,
      resource: { resource: asked.resource, accountId: asked.owner },
      contextVariables: asked.context,
    },
    identityPolicies: listed(asked.identity),
    permissionBoundaryPolicies: asked.boundary ? listed([asked.boundary]) : undefined,
    resourcePolicy: asked.policy ? policies[asked.policy] : undefined,
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  };
  const answer = await runSimulation(simulation, {});
  return answer.resultType === "error"
    ? { result: "Error", said: JSON.stringify(answer.errors) }
    : { result: answer.overallResult, ignored: answer.result?.ignoredContextKeys ?? [] };
}

process.stdout.write(JSON.stringify(await Promise.all(cases.map(verdict))));
