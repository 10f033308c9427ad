//! How AWS services are spoken to: their hosts, the names they sign with, their protocols.

/// What is known of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    /// As URIs name it, such as `states`.
    pub name: &'a str,
    /// What it signs with.
    pub signing_name: &'a str,
    /// The part of `AWS_ENDPOINT_URL_<SERVICE>`, such as `SFN`; empty if it is just the name in
    /// upper case.
    variable: &'static str,
    /// How operations are named in a call.
    pub protocol: Protocol,
}

/// How an operation is named in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `X-Amz-Target: {target}.{operation}`, the body is JSON.
    Json {
        /// What the operation is part of.
        target: &'static str,
        /// Media type of the body.
        content_type: &'static str,
    },
    /// `Action={operation}&Version={version}`.
    Query {
        /// The API's date; none if it is not known.
        version: Option<&'static str>,
    },
    /// By method and path.
    Rest,
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";

const fn json_1_0(target: &'static str) -> Protocol {
    Protocol::Json {
        target,
        content_type: JSON_1_0,
    }
}

const fn json_1_1(target: &'static str) -> Protocol {
    Protocol::Json {
        target,
        content_type: JSON_1_1,
    }
}

const fn query(version: &'static str) -> Protocol {
    Protocol::Query {
        version: Some(version),
    }
}

/// Name, name to sign with, part of the environment variable, protocol.
type Known = (&'static str, &'static str, &'static str, Protocol);

const KNOWN: [Known; 24] = [
    ("athena", "athena", "", json_1_1("AmazonAthena")),
    (
        "autoscaling",
        "autoscaling",
        "AUTO_SCALING",
        query("2011-01-01"),
    ),
    ("cloudformation", "cloudformation", "", query("2010-05-15")),
    (
        "cognito-idp",
        "cognito-idp",
        "COGNITO_IDENTITY_PROVIDER",
        json_1_1("AWSCognitoIdentityProviderService"),
    ),
    ("dynamodb", "dynamodb", "", json_1_0("DynamoDB_20120810")),
    ("ec2", "ec2", "", query("2016-11-15")),
    ("email", "ses", "SES", query("2010-12-01")),
    ("events", "events", "EVENTBRIDGE", json_1_1("AWSEvents")),
    ("firehose", "firehose", "", json_1_1("Firehose_20150804")),
    ("iam", "iam", "", query("2010-05-08")),
    ("kinesis", "kinesis", "", json_1_1("Kinesis_20131202")),
    ("kms", "kms", "", json_1_1("TrentService")),
    ("lambda", "lambda", "", Protocol::Rest),
    ("logs", "logs", "CLOUDWATCH_LOGS", json_1_1("Logs_20140328")),
    (
        "monitoring",
        "monitoring",
        "CLOUDWATCH",
        query("2010-08-01"),
    ),
    ("rds", "rds", "", query("2014-10-31")),
    ("s3", "s3", "", Protocol::Rest),
    (
        "secretsmanager",
        "secretsmanager",
        "SECRETS_MANAGER",
        json_1_1("secretsmanager"),
    ),
    ("ses", "ses", "", query("2010-12-01")),
    ("sns", "sns", "", query("2010-03-31")),
    ("sqs", "sqs", "", query("2012-11-05")),
    ("ssm", "ssm", "", json_1_1("AmazonSSM")),
    ("states", "states", "SFN", json_1_0("AWSStepFunctions")),
    ("sts", "sts", "", query("2011-06-15")),
];

impl<'a> Service<'a> {
    /// What is known of `name`. One that is not known is signed with its name, and its operations
    /// are parameters of the query.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        let unknown = (name, "", Protocol::Query { version: None });
        let (signing_name, variable, protocol) = known
            .map_or(unknown, |(_, signing, variable, protocol)| {
                (*signing, *variable, *protocol)
            });
        Self {
            name,
            signing_name,
            variable,
            protocol,
        }
    }

    /// The environment variable that AWS tools read its endpoint from.
    #[must_use]
    pub fn endpoint_variable(&self) -> String {
        let name = if self.variable.is_empty() {
            self.name.to_ascii_uppercase().replace('-', "_")
        } else {
            self.variable.to_owned()
        };
        format!("AWS_ENDPOINT_URL_{name}")
    }

    /// Amazon's own host for it.
    #[must_use]
    pub fn host(&self, region: &str, subdomain: Option<&str>) -> String {
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let before = subdomain.map_or_else(String::new, |subdomain| format!("{subdomain}."));
        if self.name == "iam" {
            return format!("{before}iam.{suffix}");
        }
        format!("{before}{}.{region}.{suffix}", self.name)
    }
}

/// All services whose names are known, for whoever reads settings.
pub fn known_services() -> impl Iterator<Item = Service<'static>> {
    KNOWN.iter().map(|(name, ..)| Service::named(name))
}
