"""Private custom domains and their access associations through boto3, field by field."""

import json
import uuid

from rest_apis import missing, refused

ENDPOINTS = [f"vpce-{number:017x}" for number in range(5)]
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]}


def made(rest, certificate, **settings):
    name = f"p{uuid.uuid4().hex[:8]}.clients.test"
    arn = certificate(name)
    domain = rest.create_domain_name(domainName=name, certificateArn=arn,
                                     endpointConfiguration={"types": ["PRIVATE"]}, **settings)
    return name, arn, domain


def test_a_private_domain(rest, apis, certificate, ready):
    name, arn, domain = made(rest, certificate, policy=json.dumps(POLICY), tags={"a": "b"})
    number, region = domain["domainNameId"], ready["regions"][0]["name"]
    assert len(number) == 10
    assert domain["domainNameArn"].startswith(f"arn:aws:apigateway:{region}:")
    assert domain["domainNameArn"].endswith(f":/domainnames/{name}+{number}")
    assert domain["endpointConfiguration"]["types"] == ["PRIVATE"]
    assert (json.loads(domain["policy"]), domain["certificateArn"]) == (POLICY, arn)
    assert "managementPolicy" not in domain and "regionalDomainName" not in domain
    at = {"domainName": name, "domainNameId": number}
    assert rest.get_domain_name(**at)["domainNameArn"] == domain["domainNameArn"]
    missing("Invalid domain name identifier", rest.get_domain_name, domainName=name,
            domainNameId="0123456789")
    altered = rest.update_domain_name(**at, patchOperations=[
        {"op": "replace", "path": "/managementPolicy", "value": json.dumps(POLICY)}])
    assert json.loads(altered["managementPolicy"]) == POLICY
    assert json.loads(altered["policy"]) == POLICY, "the other one stays"
    refused("BadRequestException", "policy document", rest.update_domain_name, **at,
            patchOperations=[{"op": "replace", "path": "/policy", "value": "{"}])
    assert name in [one["domainName"] for one in rest.get_domain_names(limit=500)["items"]]
    assert rest.get_domain_names(resourceOwner="OTHER_ACCOUNTS")["items"] == []
    missing("domain name", apis.get_domain_name, DomainName=name)
    assert rest.get_tags(resourceArn=domain["domainNameArn"])["tags"] == {"a": "b"}
    rest.delete_domain_name(**at)
    missing("Invalid domain name identifier", rest.get_domain_name, **at)


def test_access_associations(rest, certificate, ready):
    name, _, domain = made(rest, certificate)
    region = ready["regions"][0]["name"]
    account = domain["domainNameArn"].split(":")[4]
    given = {"domainNameArn": domain["domainNameArn"], "accessAssociationSourceType": "VPCE"}
    one = rest.create_domain_name_access_association(
        **given, accessAssociationSource=ENDPOINTS[0], tags={"a": "b"})
    del one["ResponseMetadata"]
    assert one == given | {
        "accessAssociationSource": ENDPOINTS[0], "tags": {"a": "b"},
        "domainNameAccessAssociationArn": f"arn:aws:apigateway:{region}:{account}:"
        f"/domainnameaccessassociations/domainname/{name}/vpcesource/{ENDPOINTS[0]}"}
    arn = one["domainNameAccessAssociationArn"]
    refused("ConflictException", "already exists", rest.create_domain_name_access_association,
            **given, accessAssociationSource=ENDPOINTS[0])
    refused("BadRequestException", "source", rest.create_domain_name_access_association, **given,
            accessAssociationSource="subnet-1")
    missing("domain name", rest.create_domain_name_access_association,
            **given | {"domainNameArn": domain["domainNameArn"][:-1]},
            accessAssociationSource=ENDPOINTS[1])
    rest.tag_resource(resourceArn=arn, tags={"c": "d"})
    assert rest.get_tags(resourceArn=arn)["tags"] == {"a": "b", "c": "d"}
    for source in ENDPOINTS[1:]:
        rest.create_domain_name_access_association(**given, accessAssociationSource=source)
    first = rest.get_domain_name_access_associations(resourceOwner="SELF", limit=3)
    assert len(first["items"]) == 3
    rest_of = rest.get_domain_name_access_associations(position=first["position"])
    shown = {item["accessAssociationSource"] for item in first["items"] + rest_of["items"]
             if item["domainNameArn"] == domain["domainNameArn"]}
    assert shown == set(ENDPOINTS)
    rest.delete_domain_name_access_association(domainNameAccessAssociationArn=arn)
    missing("access association", rest.delete_domain_name_access_association,
            domainNameAccessAssociationArn=arn)
    other = arn.replace(ENDPOINTS[0], ENDPOINTS[1])
    rest.reject_domain_name_access_association(domainNameAccessAssociationArn=other,
                                               domainNameArn=domain["domainNameArn"])
    missing("access association", rest.reject_domain_name_access_association,
            domainNameAccessAssociationArn=other, domainNameArn=domain["domainNameArn"])
    rest.delete_domain_name(domainName=name, domainNameId=domain["domainNameId"])
    assert rest.get_domain_name_access_associations()["items"] == []


def test_only_private_domains_have_policies(rest, certificate):
    name = f"p{uuid.uuid4().hex[:8]}.clients.test"
    arn = certificate(name)
    refused("BadRequestException", "only for private", rest.create_domain_name, domainName=name,
            certificateArn=arn, policy=json.dumps(POLICY))
    rest.create_domain_name(domainName=name, certificateArn=arn)
    refused("BadRequestException", "private", rest.update_domain_name, domainName=name,
            patchOperations=[{"op": "add", "path": "/endpointConfiguration/types",
                              "value": "PRIVATE"},
                             {"op": "remove", "path": "/endpointConfiguration/types",
                              "value": "EDGE"}])
    rest.delete_domain_name(domainName=name)
