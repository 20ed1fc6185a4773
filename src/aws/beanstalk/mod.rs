//! Elastic Beanstalk, by what a release asks of it. Enumerations of the service are read as text: the wire does not keep to
//! them (version status comes in upper case, an environment's status where a health is announced).

mod applications;
mod configuration;
mod environments;
mod events;
mod health;
mod quotas;
mod setup;
mod versions;

pub use environments::NewEnvironment;
pub use setup::FirstEnvironment;

use aws_sdk_elasticbeanstalk::types::ConfigurationOptionSetting;

use crate::spec::OptionSetting;

fn option_settings(settings: &[OptionSetting]) -> Vec<ConfigurationOptionSetting> {
    let builder = ConfigurationOptionSetting::builder;
    settings
        .iter()
        .map(|setting| {
            builder()
                .namespace(&setting.namespace)
                .option_name(&setting.name)
                .value(&setting.value)
                .build()
        })
        .collect()
}
