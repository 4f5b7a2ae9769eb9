//! Tags of users, roles, customer managed policies, instance profiles, MFA devices, server
//! certificates and identity providers.

use iamd_api::iam;
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{Account, Managed, Tags, Transaction};
use iamd_operation::{Command, Entry, Operation, Query, View};
use iamd_types::tag::{KeyCase, is_reserved};
use iamd_types::{Code, Error, Kind, Tag};

use crate::page::Paging;
use crate::{
    instance_profile, managed_policy, mfa, oidc_provider, owner, render, saml_provider,
    server_certificate,
};

/// The tags that a request gives, ready to be stored.
///
/// # Errors
/// `InvalidInput` for a key that is there twice or begins with `aws:`; `LimitExceeded` for too many.
pub(crate) fn checked(
    account: &Account,
    tags: Option<&[iam::Tag]>,
    case: KeyCase,
) -> Result<Vec<Tag>, Error> {
    merged(account, Vec::new(), tags.unwrap_or_default(), case)
}

/// The tags with those of the request added; one with the same key takes the old one's place.
fn merged(
    account: &Account,
    mut tags: Vec<Tag>,
    given: &[iam::Tag],
    case: KeyCase,
) -> Result<Vec<Tag>, Error> {
    if case.has_duplicates(given.iter().map(|tag| tag.key.as_str())) {
        return Err(Error::invalid_input(match case {
            KeyCase::Insensitive => {
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            }
            KeyCase::Sensitive => "Duplicate tag keys found.",
        }));
    }
    if given.iter().any(|tag| is_reserved(&tag.key)) {
        // AWS's text is not recorded.
        return Err(Error::invalid_input("Tag keys that begin with aws: are reserved."));
    }
    for tag in given {
        let tag = Tag::from(tag.clone());
        match tags.iter_mut().find(|old| case.same(&old.key, &tag.key)) {
            Some(old) => *old = tag,
            None => tags.push(tag),
        }
    }
    // Condition keys do not tell case apart: of two such tags one would hide the other from policies. AWS lets both
    // stand; here a policy that denies by a tag cannot be got around by a second one.
    if KeyCase::Insensitive.has_duplicates(tags.iter().map(|tag| tag.key.as_str())) {
        return Err(Error::invalid_input("Duplicate tag keys found."));
    }
    if tags.len() as u64 > account.quotas().tags_per_entity {
        let message = "The number of tags has reached the maximum limit.";
        return Err(Error::new(Code::LimitExceeded, message));
    }
    Ok(tags)
}

fn without(mut tags: Vec<Tag>, keys: &[String], case: KeyCase) -> Vec<Tag> {
    tags.retain(|tag| !keys.iter().any(|key| case.same(key, &tag.key)));
    tags
}

/// The pairs of key and value that a request gives.
pub(crate) fn pairs(tags: Option<&[iam::Tag]>) -> impl Iterator<Item = (&str, &str)> + Clone {
    tags.unwrap_or_default().iter().map(|tag| (tag.key.as_str(), tag.value.as_str()))
}

/// For a request that makes an entity: its own access, with the tags as condition keys, and when
/// there are tags the permission to set them.
pub(crate) fn with_tags_at_creation<'a>(
    access: Access<'a>,
    tag_action: &'static str,
    tags: Option<&[iam::Tag]>,
) -> AccessList<'a> {
    // The tags being given count as the resource's (global condition keys: aws:ResourceTag).
    let tagged =
        |access: Access<'a>| access.with_request_tags(pairs(tags)).with_resource_tags(pairs(tags));
    if tags.is_none_or(<[_]>::is_empty) {
        return AccessList::one(access);
    }
    let tagging = Access { action: tag_action.into(), keys: access.keys.clone(), ..plain(&access) };
    AccessList::one(tagged(access)).and(tagged(tagging))
}

fn plain<'a>(access: &Access<'a>) -> Access<'a> {
    Access {
        action: access.action.clone(),
        resource: access.resource.clone(),
        resource_account: access.resource_account,
        keys: Vec::new(),
        resource_policy: iamd_authz::ResourcePolicy::None,
    }
}

/// A kind of taggable entity: how one is found, and how its tags are read and stored.
trait Taggable {
    const CASE: KeyCase;

    fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a>;

    fn tags<'a>(account: &'a Account, name: &str) -> Result<Tags<'a>, Error>;

    /// Replaces the tags by what `change` makes of them.
    fn change(
        tx: &mut Transaction,
        name: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error>;
}

struct Users;
struct Roles;
struct Policies;
struct InstanceProfiles;
struct MfaDevices;
struct ServerCertificates;
struct OidcProviders;
struct SamlProviders;

impl Taggable for Users {
    const CASE: KeyCase = KeyCase::Insensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a> {
        owner::access(action, view, Kind::User, name)
    }

    fn tags<'a>(account: &'a Account, name: &str) -> Result<Tags<'a>, Error> {
        Ok(account.user(name)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        name: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = tx.user(name)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_user(&fields);
        Ok(())
    }
}

impl Taggable for Roles {
    const CASE: KeyCase = KeyCase::Insensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a> {
        owner::access(action, view, Kind::Role, name)
    }

    fn tags<'a>(account: &'a Account, name: &str) -> Result<Tags<'a>, Error> {
        Ok(account.role(name)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        name: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = tx.role(name)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_role(&fields);
        Ok(())
    }
}

impl Taggable for Policies {
    const CASE: KeyCase = KeyCase::Sensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> Access<'a> {
        managed_policy::access(action, view, arn)
    }

    fn tags<'a>(account: &'a Account, arn: &str) -> Result<Tags<'a>, Error> {
        match account.managed_by_arn(arn) {
            Some(Managed::Customer(policy)) => Ok(policy.tags()),
            _ => Err(Error::no_such_entity(Kind::Policy, arn)),
        }
    }

    fn change(
        tx: &mut Transaction,
        arn: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let Some(Managed::Customer(policy)) = tx.managed_by_arn(arn) else {
            return Err(Error::no_such_entity(Kind::Policy, arn));
        };
        let mut fields = policy.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_policy(&fields);
        Ok(())
    }
}

impl Taggable for InstanceProfiles {
    const CASE: KeyCase = KeyCase::Sensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a> {
        instance_profile::access(action, view, name)
    }

    fn tags<'a>(account: &'a Account, name: &str) -> Result<Tags<'a>, Error> {
        Ok(account.instance_profile(name)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        name: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = tx.instance_profile(name)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_instance_profile(&fields);
        Ok(())
    }
}

impl Taggable for MfaDevices {
    const CASE: KeyCase = KeyCase::Sensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, serial: &str) -> Access<'a> {
        mfa::access(action, view, serial)
    }

    fn tags<'a>(account: &'a Account, serial: &str) -> Result<Tags<'a>, Error> {
        Ok(mfa::find(account, serial)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        serial: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = mfa::find(tx, serial)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_credential(&fields.pack());
        Ok(())
    }
}

impl Taggable for OidcProviders {
    const CASE: KeyCase = KeyCase::Sensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> Access<'a> {
        oidc_provider::access(action, view, arn)
    }

    fn tags<'a>(account: &'a Account, arn: &str) -> Result<Tags<'a>, Error> {
        Ok(account.oidc_provider(arn)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        arn: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = tx.oidc_provider(arn)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_oidc_provider(&fields);
        Ok(())
    }
}

impl Taggable for SamlProviders {
    const CASE: KeyCase = KeyCase::Sensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, arn: &str) -> Access<'a> {
        saml_provider::access(action, view, arn)
    }

    fn tags<'a>(account: &'a Account, arn: &str) -> Result<Tags<'a>, Error> {
        Ok(account.saml_provider(arn)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        arn: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = tx.saml_provider(arn)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_saml_provider(&fields);
        Ok(())
    }
}

impl Taggable for ServerCertificates {
    const CASE: KeyCase = KeyCase::Sensitive;

    fn access<'a>(action: &'static str, view: &View<'_>, name: &str) -> Access<'a> {
        server_certificate::access(action, view, name)
    }

    fn tags<'a>(account: &'a Account, name: &str) -> Result<Tags<'a>, Error> {
        Ok(server_certificate::find(account, name)?.tags())
    }

    fn change(
        tx: &mut Transaction,
        name: &str,
        change: impl FnOnce(&Account, Vec<Tag>) -> Result<Vec<Tag>, Error>,
    ) -> Result<(), Error> {
        let mut fields = server_certificate::find(tx, name)?.fields();
        fields.tags = change(tx, fields.tags)?;
        tx.put_server_certificate(&fields);
        Ok(())
    }
}

/// The three operations on the tags of one kind of entity.
macro_rules! tag_operations {
    ($($kind:ty, $name:ident:
        $tag:ident($tag_action:literal, $tag_input:ident)
        $untag:ident($untag_action:literal, $untag_input:ident)
        $list:ident($list_action:literal, $list_input:ident, $list_output:ident);)*) => {
        $(
            #[doc = concat!("`", $tag_action, "`. A tag whose key is there already is replaced.")]
            pub(crate) struct $tag;

            impl Operation for $tag {
                const NAME: &'static str = stringify!($tag);
                type Input = iam::$tag_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let access = <$kind>::access($tag_action, view, &input.$name);
                    Ok(AccessList::one(access.with_request_tags(pairs(Some(&input.tags)))))
                }
            }

            impl Command for $tag {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    <$kind>::change(tx, &input.$name, |account, tags| {
                        merged(account, tags, &input.tags, <$kind>::CASE)
                    })
                }
            }

            #[doc = concat!("`", $untag_action, "`. Keys that are not there are passed over.")]
            pub(crate) struct $untag;

            impl Operation for $untag {
                const NAME: &'static str = stringify!($untag);
                type Input = iam::$untag_input;
                type Output = ();

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    let access = <$kind>::access($untag_action, view, &input.$name);
                    Ok(AccessList::one(access.with_many("aws:TagKeys", input.tag_keys.clone())))
                }
            }

            impl Command for $untag {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    tx: &mut Transaction,
                ) -> Result<(), Error> {
                    <$kind>::change(tx, &input.$name, |_, tags| {
                        Ok(without(tags, &input.tag_keys, <$kind>::CASE))
                    })
                }
            }

            #[doc = concat!("`", $list_action, "`.")]
            pub(crate) struct $list;

            impl Operation for $list {
                const NAME: &'static str = stringify!($list);
                type Input = iam::$list_input;
                type Output = iam::$list_output;

                fn access<'a>(
                    input: &Self::Input,
                    view: &View<'a>,
                ) -> Result<AccessList<'a>, Error> {
                    Ok(AccessList::one(<$kind>::access($list_action, view, &input.$name)))
                }
            }

            impl Query for $list {
                fn run(
                    input: &Self::Input,
                    _: &Permit<Self>,
                    view: &View<'_>,
                ) -> Result<Self::Output, Error> {
                    let tags = render::tags(<$kind>::tags(view.account, &input.$name)?);
                    let page = Paging::new(&input.marker, input.max_items)
                        .of(tags, |tag| tag.key.clone())?;
                    Ok(iam::$list_output {
                        is_truncated: page.is_truncated(),
                        tags: page.items,
                        marker: page.marker,
                    })
                }
            }
        )*

        pub(crate) const OPERATIONS: &[Entry] = &[$(
            Entry::command::<$tag>(),
            Entry::command::<$untag>(),
            Entry::query::<$list>(),
        )*];
    };
}

tag_operations! {
    Users, user_name:
        TagUser("iam:TagUser", TagUserRequest)
        UntagUser("iam:UntagUser", UntagUserRequest)
        ListUserTags("iam:ListUserTags", ListUserTagsRequest, ListUserTagsResponse);
    Roles, role_name:
        TagRole("iam:TagRole", TagRoleRequest)
        UntagRole("iam:UntagRole", UntagRoleRequest)
        ListRoleTags("iam:ListRoleTags", ListRoleTagsRequest, ListRoleTagsResponse);
    Policies, policy_arn:
        TagPolicy("iam:TagPolicy", TagPolicyRequest)
        UntagPolicy("iam:UntagPolicy", UntagPolicyRequest)
        ListPolicyTags("iam:ListPolicyTags", ListPolicyTagsRequest, ListPolicyTagsResponse);
    InstanceProfiles, instance_profile_name:
        TagInstanceProfile("iam:TagInstanceProfile", TagInstanceProfileRequest)
        UntagInstanceProfile("iam:UntagInstanceProfile", UntagInstanceProfileRequest)
        ListInstanceProfileTags("iam:ListInstanceProfileTags", ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse);
    MfaDevices, serial_number:
        TagMFADevice("iam:TagMFADevice", TagMFADeviceRequest)
        UntagMFADevice("iam:UntagMFADevice", UntagMFADeviceRequest)
        ListMFADeviceTags("iam:ListMFADeviceTags", ListMFADeviceTagsRequest, ListMFADeviceTagsResponse);
    ServerCertificates, server_certificate_name:
        TagServerCertificate("iam:TagServerCertificate", TagServerCertificateRequest)
        UntagServerCertificate("iam:UntagServerCertificate", UntagServerCertificateRequest)
        ListServerCertificateTags("iam:ListServerCertificateTags", ListServerCertificateTagsRequest, ListServerCertificateTagsResponse);
    OidcProviders, open_id_connect_provider_arn:
        TagOpenIDConnectProvider("iam:TagOpenIDConnectProvider", TagOpenIDConnectProviderRequest)
        UntagOpenIDConnectProvider("iam:UntagOpenIDConnectProvider", UntagOpenIDConnectProviderRequest)
        ListOpenIDConnectProviderTags("iam:ListOpenIDConnectProviderTags", ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse);
    SamlProviders, saml_provider_arn:
        TagSAMLProvider("iam:TagSAMLProvider", TagSAMLProviderRequest)
        UntagSAMLProvider("iam:UntagSAMLProvider", UntagSAMLProviderRequest)
        ListSAMLProviderTags("iam:ListSAMLProviderTags", ListSAMLProviderTagsRequest, ListSAMLProviderTagsResponse);
}
