"""How a run looks at the network under the cluster: VPC, subnets, NAT, routes, roles of controllers."""

from __future__ import annotations

from postflight.environment import Controller, Environment, NatGateway, Subnet, TerraformState, Zone
from postflight.evidence import Evidence
from postflight.probes.aws import ec2, eks, iam, terraform
from postflight.subjects.registry import Ask, about


class ZoneNatGateways(Evidence):
    """The NAT gateways of one availability zone."""

    zone: str
    vpc: str
    items: tuple[ec2.NatGateway, ...]

    @property
    def present(self) -> tuple[ec2.NatGateway, ...]:
        """Those that have not been deleted; whether they work is another question."""
        return tuple(item for item in self.items if item.state not in ("deleting", "deleted"))

    @property
    def words(self) -> str:
        """Say what is there."""
        return ", ".join(f"{item.id} is {item.state}" for item in self.items) or "none"


class ControllerRole(Evidence):
    """The IAM role of a controller, and the cluster's OIDC issuer that its trust has to name."""

    role: iam.Role
    issuer: str

    def trusts(self, namespace: str, service_account: str) -> bool:
        """Whether a pod with this ServiceAccount may assume the role."""
        return self.role.found and self.role.trusts(namespace, service_account, self.issuer)

    @property
    def words(self) -> str:
        """Say whom the role trusts now."""
        if not self.role.found:
            return f"role {self.role.name} does not exist"
        trusted = ", ".join(self.role.terms) or "no ServiceAccount"
        return f"role {self.role.name} trusts {trusted} (OIDC issuer of the cluster: {self.issuer})"


@about()
def vpc(ask: Ask, environment: Environment) -> ec2.Vpc:
    """Look at the declared VPC."""
    if environment.vpc is None:
        return ec2.Vpc.absent("")
    return ask(ec2.vpcs).of(environment.vpc.vpc)


@about()
def eks_cluster(ask: Ask, environment: Environment) -> eks.Cluster:
    """Look at the EKS cluster."""
    if environment.cluster is None:
        return eks.Cluster(found=False, name="")
    return ask(eks.cluster, environment.cluster.name)


@about("subnet")
def subnet(ask: Ask, environment: Environment, declared: Subnet) -> ec2.Subnet:
    """Look at a subnet."""
    return ask(ec2.subnets).of(declared.subnet, vpc(ask, environment).id)


@about("subnet")
def route_table(ask: Ask, environment: Environment, declared: Subnet) -> ec2.RouteTable:
    """Look at the route table that a subnet uses."""
    found = subnet(ask, environment, declared)
    if not found.found:
        return ec2.RouteTable(found=False, name=f"of {declared.subnet}")
    return ask(ec2.route_tables).of(found)


@about("nat_gateway")
def nat_gateway(ask: Ask, _environment: Environment, declared: NatGateway) -> ec2.NatGateway:
    """Look at a NAT gateway."""
    return ask(ec2.nat_gateways).of(declared.gateway)


@about("nat_gateway")
def placed_nat_gateway(ask: Ask, environment: Environment, declared: NatGateway) -> ec2.NatGateway:
    """Look at a NAT gateway, and in which zone its subnet is."""
    found = nat_gateway(ask, environment, declared)
    return found.model_copy(update={"zone": ask(ec2.subnets).zone_of(found.subnet)})


@about("zone")
def zone_nat_gateways(ask: Ask, environment: Environment, declared: Zone) -> ZoneNatGateways:
    """Look which NAT gateways of the VPC stand in a zone."""
    subnets = ask(ec2.subnets)
    own = vpc(ask, environment).id
    found = (item for item in ask(ec2.nat_gateways).items if item.vpc == own)
    return ZoneNatGateways(
        zone=declared.name,
        vpc=own,
        items=tuple(item for item in found if subnets.zone_of(item.subnet) == declared.name),
    )


@about("controller")
def controller_role(ask: Ask, environment: Environment, declared: Controller) -> ControllerRole:
    """Look at the role that a controller's ServiceAccount assumes."""
    return ControllerRole(
        role=ask(iam.role, declared.role or ""), issuer=eks_cluster(ask, environment).issuer
    )


@about("controller")
def controller_policy(ask: Ask, _environment: Environment, declared: Controller) -> iam.RolePolicy:
    """Look whether a controller's role has its policy, inline or attached."""
    role, policy = declared.role or "", declared.policy or ""
    found = ask(iam.role_policy, role, policy)
    return found if found.found else attached_policy(ask, role, policy)


def attached_policy(ask: Ask, role: str, policy: str) -> iam.RolePolicy:
    """Look whether a managed policy of this name is attached to a role; what it says is not looked at."""
    arn = ask(iam.attached_policies, role).attached_named(policy)
    return iam.RolePolicy(found=arn is not None, arn=arn or "", role=role, policy=policy)


@about("terraform_state")
def state(ask: Ask, _environment: Environment, declared: TerraformState) -> terraform.State:
    """Look what a Terraform state holds."""
    return ask(terraform.state, declared.bucket, declared.key)


@about("terraform_state")
def state_lock(ask: Ask, _environment: Environment, declared: TerraformState) -> terraform.Lock:
    """Look whether a Terraform state is locked."""
    return ask(terraform.lock, declared.lock_table or "", declared.bucket, declared.key)
