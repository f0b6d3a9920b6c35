//! The bucket: labels under `labels/<job>/<number>.<ext>`, big audit bodies under `audit/`. How long each is kept is told by its tag
//! ([`Keep`]), and the bucket's lifecycle deletes it.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::presigning::PresigningConfig;

use super::blobs::{Blobs, Keep};
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
        stored(self.putting(key, bytes, content_type).send().await)
    }

    async fn keep(&self, key: &str, bytes: Vec<u8>, content_type: &str, keep: Keep) -> Result<(), StoreError> {
        let request = self.putting(key, bytes, content_type).tagging(keep.tag());
        stored(request.send().await)
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
    fn putting(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> PutObjectFluentBuilder {
        let request = self.client.put_object().bucket(&self.name).key(key);
        request.content_type(content_type).body(bytes.into())
    }

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

fn stored(answer: Result<PutObjectOutput, SdkError<PutObjectError>>) -> Result<(), StoreError> {
    answer.map(|_| ()).map_err(|error| failure("storing an object", &error))
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
    async fn put(&self, job: &JobId, index: usize, label: &LabelImage, days: u32) -> Result<LabelRef, StoreError> {
        let key = format!("labels/{job}/{}", label.file_name(index));
        let (bytes, media) = (label.bytes.clone(), content_type(label.format));
        Blobs::keep(self, &key, bytes, media, Keep::at_least(days)).await?;
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The head of what asks for an object to be stored, as S3 sees it.
    async fn head_of_a_put(keep: Option<Keep>) -> String {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("AKID", "secret", None, None, "test"))
            .endpoint_url(format!("http://{}", door.local_addr().unwrap()))
            .force_path_style(true)
            .build();
        let bucket = Bucket::new(Client::from_conf(config), "waybill-bucket");
        let answering = async {
            let (mut socket, _) = door.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
                assert!(socket.read_buf(&mut seen).await.unwrap() > 0);
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            socket.write_all(answer).await.unwrap();
            // What is still to come of the body is read until the other side hangs up.
            let mut rest = Vec::new();
            let _ = socket.read_to_end(&mut rest).await;
            String::from_utf8_lossy(&seen).to_lowercase()
        };
        let storing = async move {
            let (key, bytes) = ("labels/JOB/1Z.zpl", b"^XA^XZ".to_vec());
            let stored = match keep {
                Some(keep) => Blobs::keep(&bucket, key, bytes, "text/plain", keep).await,
                None => Blobs::put(&bucket, key, bytes, "text/plain").await,
            };
            drop(bucket);
            stored
        };
        let (head, stored) = tokio::join!(answering, storing);
        stored.unwrap();
        head
    }

    /// P22: personal data in the bucket lives by the connection's retention: each object tells the lifecycle for how long.
    #[tokio::test]
    async fn an_object_bears_for_how_long_it_is_kept() {
        let head = head_of_a_put(Some(Keep::at_least(100))).await;
        assert!(head.starts_with("put /waybill-bucket/labels/job/1z.zpl"), "{head}");
        assert!(head.contains("\r\nx-amz-tagging: waybill-keep-days=180\r\n"), "{head}");
        let head = head_of_a_put(None).await;
        assert!(!head.contains("tagging"), "{head}");
    }

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
