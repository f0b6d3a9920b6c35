//! The bucket: labels under `labels/<job>/<index>.<ext>`, big audit bodies under `audit/`. How long both are kept is
//! the bucket's lifecycle.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;

use super::blobs::Blobs;
use super::failure;
use crate::domain::{JobId, LabelFormat, LabelImage, LabelRef};
use crate::ports::{Handing, LabelDoor, Labels, StoreError};

/// A bucket, reached by a client.
pub struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The bucket of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
        }
    }
}

#[async_trait]
impl Blobs for Bucket {
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<(), StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type(content_type);
        let answer = request.body(bytes.into()).send().await;
        answer.map(|_| ()).map_err(|error| failure("storing an object", &error))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let answer = self.client.get_object().bucket(&self.name).key(key).send().await;
        let object = match answer {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => return Ok(None),
            Err(error) => return Err(failure("reading an object", &error)),
        };
        let bytes = object.body.collect().await;
        let bytes = bytes.map_err(|_| StoreError("an object broke off while it was read".to_owned()))?;
        Ok(Some(bytes.to_vec()))
    }

    async fn delete_under(&self, prefix: &str) -> Result<(), StoreError> {
        self.delete_objects(prefix).await?;
        self.delete_versions(prefix).await
    }
}

impl Bucket {
    async fn delete_objects(&self, prefix: &str) -> Result<(), StoreError> {
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(prefix);
        let mut pages = list.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure("listing objects", &error))?;
            for key in page.contents().iter().filter_map(|object| object.key()) {
                let request = self.client.delete_object().bucket(&self.name).key(key);
                let deleted = request.send().await;
                deleted.map_err(|error| failure("deleting an object", &error))?;
            }
        }
        Ok(())
    }

    /// What the bucket keeps of earlier versions. Who may not delete those leaves them to the bucket's lifecycle.
    async fn delete_versions(&self, prefix: &str) -> Result<(), StoreError> {
        let (mut key, mut version) = (None, None);
        loop {
            let list = self.client.list_object_versions().bucket(&self.name).prefix(prefix);
            let list = list.set_key_marker(key).set_version_id_marker(version);
            let page = match list.send().await {
                Ok(page) => page,
                Err(error) => {
                    let error = failure("listing versions", &error);
                    tracing::warn!(%error, prefix, "earlier versions are left to the bucket's lifecycle");
                    return Ok(());
                }
            };
            let kept = page.versions().iter().map(|one| (one.key(), one.version_id()));
            let marks = page.delete_markers().iter().map(|one| (one.key(), one.version_id()));
            for (key, version) in kept.chain(marks) {
                self.delete_version(key, version).await;
            }
            if page.is_truncated() != Some(true) {
                return Ok(());
            }
            key = page.next_key_marker().map(str::to_owned);
            version = page.next_version_id_marker().map(str::to_owned);
        }
    }

    async fn delete_version(&self, key: Option<&str>, version: Option<&str>) {
        let request = self.client.delete_object().bucket(&self.name);
        let request = request.set_key(key.map(str::to_owned));
        let request = request.set_version_id(version.map(str::to_owned));
        if let Err(error) = request.send().await {
            let error = failure("deleting a version", &error);
            tracing::warn!(%error, key, "an earlier version is left to the bucket's lifecycle");
        }
    }
}

/// The signature is made here, with this process's credentials, and nobody is asked: whether the object is there shows when the
/// address is followed.
#[async_trait]
impl LabelDoor for Bucket {
    async fn open(&self, label: &LabelRef, handing: &Handing, moment: Duration) -> Result<String, StoreError> {
        let signed = PresigningConfig::expires_in(moment);
        let signed = signed.map_err(|error| StoreError(format!("an address of an object: {error}")))?;
        let request = self.client.get_object().bucket(&self.name).key(&label.key);
        let request = request
            .response_content_type(handing.content_type)
            .response_content_disposition(&handing.disposition);
        let request = request.presigned(signed).await;
        let request = request.map_err(|error| failure("signing an address of an object", &error))?;
        Ok(request.uri().to_owned())
    }
}

#[async_trait]
impl<T: Blobs> Labels for T {
    async fn put(&self, job: &JobId, index: usize, label: &LabelImage) -> Result<LabelRef, StoreError> {
        let key = format!("labels/{job}/{}", label.file_name(index));
        Blobs::put(self, &key, label.bytes.clone(), content_type(label.format)).await?;
        Ok(LabelRef {
            tracking_number: label.tracking_number.clone(),
            format: label.format,
            key,
        })
    }

    async fn stored(&self, job: &JobId, number: &str, format: LabelFormat) -> Result<Option<LabelRef>, StoreError> {
        let label = LabelImage::named(number, format);
        let key = format!("labels/{job}/{}", label.file_name(0));
        let kept = Blobs::get(self, &key).await?;
        Ok(kept.map(|_| LabelRef {
            tracking_number: label.tracking_number,
            format,
            key,
        }))
    }

    async fn get(&self, label: &LabelRef) -> Result<Vec<u8>, StoreError> {
        let bytes = Blobs::get(self, &label.key).await?;
        bytes.ok_or_else(|| StoreError(format!("the label {} is no longer kept", label.key)))
    }
}

fn content_type(format: LabelFormat) -> &'static str {
    match format {
        LabelFormat::Gif => "image/gif",
        LabelFormat::Png => "image/png",
        LabelFormat::Pdf => "application/pdf",
        LabelFormat::Zpl | LabelFormat::Epl | LabelFormat::Spl => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};

    use super::*;

    /// A browser adds no headers: the signature may cover none but the host.
    #[tokio::test]
    async fn an_address_is_signed_for_a_moment_and_needs_no_header() {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new(
                "AKID",
                "secret",
                Some("session".to_owned()),
                None,
                "test",
            ))
            .build();
        let bucket = Bucket::new(Client::from_conf(config), "waybill-bucket");
        let label = LabelRef {
            tracking_number: None,
            format: LabelFormat::Pdf,
            key: "labels/JOB/794.pdf".to_owned(),
        };
        let handing = Handing {
            content_type: "application/pdf",
            disposition: "inline; filename=\"SO1-794.pdf\"".to_owned(),
        };
        let address = bucket.open(&label, &handing, Duration::from_secs(300)).await.unwrap();
        let address: url::Url = address.parse().unwrap();
        assert_eq!(address.host_str(), Some("waybill-bucket.s3.eu-central-1.amazonaws.com"));
        assert_eq!((address.scheme(), address.path()), ("https", "/labels/JOB/794.pdf"));
        let said = |wanted: &str| {
            let found = address.query_pairs().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.into_owned())
        };
        assert_eq!(said("X-Amz-Expires").as_deref(), Some("300"));
        assert_eq!(said("X-Amz-SignedHeaders").as_deref(), Some("host"));
        assert_eq!(said("X-Amz-Security-Token").as_deref(), Some("session"));
        assert_eq!(said("response-content-type").as_deref(), Some("application/pdf"));
        assert_eq!(
            said("response-content-disposition").as_deref(),
            Some("inline; filename=\"SO1-794.pdf\"")
        );
        assert!(said("X-Amz-Signature").is_some_and(|signature| signature.len() == 64));
    }
}
